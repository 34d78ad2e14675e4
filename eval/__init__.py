"""Answers, metrics and the paired comparison of a base model with its tuned successor."""
