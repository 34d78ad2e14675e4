"""From a version to a tuned model and the Run that says what it was made of."""
