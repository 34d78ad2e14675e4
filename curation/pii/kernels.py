"""The compiled parts of reading spaCy's models: window encoder (`encoder`), parser (`sentences`), entities (`ner`)."""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

import numpy as np
from numba import njit

EPSILON = np.float32(1e-8)  # thinc's layer norm
SHIFT, REDUCE, LEFT, RIGHT, BREAK = range(5)  # the parser's kinds of actions
OUT, UNIT, BEGIN = range(3)  # the kinds of actions outside an entity


@njit(cache=True, nogil=True)
def rows_of(keys, slots, slot_rows, count, rows, first):
    """Give each key a row: its old one, or the next free one from `count` on; returns the new count.

    slots      uint64[2^k]: keys by their hash, 0 where free; slot_rows: their rows
    rows       receives the row of each key; first: for each new row, where its key stands
    """
    mask = np.uint64(len(slots) - 1)
    new = 0
    for i in range(len(keys)):
        key = keys[i]
        at = (key ^ (key >> np.uint64(32))) & mask
        while slots[at] != key and slots[at] != 0:
            at = (at + np.uint64(1)) & mask
        if slots[at] == 0:
            slots[at] = key
            slot_rows[at] = count + new
            first[new] = i
            new += 1
        rows[i] = slot_rows[at]
    return count + new


@njit(cache=True, nogil=True, inline="always")
def _put(x, window, row):
    """A token's vector into the windows of its neighbours and its own."""
    width = x.shape[1]
    for j in range(width):
        window[row, width + j] = x[row, j]
    if row + 1 < len(x):
        for j in range(width):
            window[row + 1, j] = x[row, j]
    if row > 0:
        for j in range(width):
            window[row - 1, 2 * width + j] = x[row, j]


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _normed(y, bias, gain, shift, x, row):
    """x[row] += layer norm of the largest of the three blocks of `y + bias`."""
    width = len(gain)
    total = np.float32(0)
    for j in range(width):
        best = max(y[j] + bias[j], y[width + j] + bias[width + j], y[2 * width + j] + bias[2 * width + j])
        y[j] = best
        total += best
    mean = total / np.float32(width)
    total = np.float32(0)
    for j in range(width):
        y[j] -= mean
        total += y[j] * y[j]
    scale = np.float32(1) / np.sqrt(total / np.float32(width) + EPSILON)
    for j in range(width):
        x[row, j] += y[j] * scale * gain[j] + shift[j]


@njit(cache=True, nogil=True, fastmath=True)
def first_layer(lexemes, embedded, products, bias, gain, shift, x, window):
    """The first layer from what its lexemes give by themselves: `products` of the word before, at and after a place.

    lexemes    int32[rows]: the row of each token in `embedded` and `products`, -1 between documents
    """
    width = embedded.shape[1]
    wide = 3 * width
    y = np.empty(wide, dtype=np.float32)
    last = len(lexemes) - 1
    for row in range(len(lexemes)):
        before = lexemes[row - 1] if row > 0 else -1
        here = lexemes[row]
        after = lexemes[row + 1] if row < last else -1
        for j in range(wide):
            y[j] = 0
        if before >= 0:
            for j in range(wide):
                y[j] += products[before, j]
        if here >= 0:
            for j in range(wide):
                y[j] += products[here, wide + j]
            for j in range(width):
                x[row, j] = embedded[here, j]
        else:
            for j in range(width):
                x[row, j] = 0
        if after >= 0:
            for j in range(wide):
                y[j] += products[after, 2 * wide + j]
        _normed(y, bias, gain, shift, x, row)
        _put(x, window, row)


@njit(cache=True, nogil=True, fastmath=True)
def next_layer(y, bias, gain, shift, x, window):
    """x += layer norm of maxout of `y`, and the windows of the layer after it. Changes `y`."""
    for row in range(len(x)):
        _normed(y[row], bias, gain, shift, x, row)
        _put(x, window, row)


@njit(cache=True, nogil=True)
def sentence_starts(features, padding, bias, upper, upper_bias, kinds, until, whole, starts):  # noqa: PLR0912, PLR0915 (one loop)
    """spaCy's greedy arc-eager parse of one document, as far as sentence starts up to token `until` want it.

    features   float32[tokens, 8, 2 * hidden]: what a token adds at each of the state's eight places
    padding    float32[8, 2 * hidden]: the same where there is no token
    upper      float32[hidden, actions]; kinds: uint8[actions]
    whole      whether these are all tokens of the document; False: its first ones
    starts     receives 1 where a sentence begins; untouched behind the last sentence that was read to its end

    Returns False where more tokens are needed. Actions and their conditions:
    spacy/pipeline/_parser_internals/arc_eager.pyx. A sentence is a tree of the parse.
    """
    n = len(features)
    hidden, actions = upper.shape
    heads = np.full(n, -1, np.int32)
    stack = np.empty(n + 1, np.int32)
    again = np.empty(n + 1, np.int32)  # words that went back to the buffer
    shifted = np.zeros(n, np.uint8)  # those may not be shifted once more
    opens = np.zeros(n, np.uint8)  # the parser said that a sentence begins here
    left = np.full(n, -1, np.int32)  # outermost child on either side, and the sibling before it
    right = np.full(n, -1, np.int32)
    sibling = np.full(n, -1, np.int32)
    places = np.empty(8, np.int32)
    state = np.empty(2 * hidden, np.float32)
    scores = np.empty(actions, np.float32)
    valid = np.empty(5, np.uint8)
    depth = back = at = 0
    read = n
    while depth > 0 or back > 0 or at < n:
        b0 = again[back - 1] if back > 0 else (at if at < n else -1)
        following = again[back - 2] if back > 1 else at + 1 - back
        if depth == 0 and b0 > until:
            read = b0
            break
        if following >= n and not whole:
            return False
        b1 = following if following < n else -1
        s0 = stack[depth - 1] if depth > 0 else -1
        places[0], places[1], places[2] = b0, b1, s0
        places[3] = stack[depth - 2] if depth > 1 else -1
        places[4] = stack[depth - 3] if depth > 2 else -1
        places[5] = left[b0] if b0 >= 0 else -1
        places[6] = left[s0] if s0 >= 0 else -1
        places[7] = right[s0] if s0 >= 0 else -1
        _score(places, features, padding, bias, upper, upper_bias, state, scores)
        begun = b0 >= 0 and opens[b0] == 1
        valid[SHIFT] = depth == 0 or (b1 >= 0 and not begun and shifted[b0] == 0)
        valid[REDUCE] = depth > 0
        valid[LEFT] = depth > 0 and b0 >= 0 and not begun
        valid[RIGHT] = valid[LEFT]
        valid[BREAK] = b1 >= 0 and b1 == b0 + 1 and opens[b1] == 0
        best = -1
        for a in range(actions):
            if valid[kinds[a]] and (best < 0 or scores[a] > scores[best]):
                best = a
        if best < 0:  # spaCy stops here too
            break
        kind = kinds[best]
        if kind == BREAK:
            opens[b1] = 1
        elif kind == LEFT:
            _attach(b0, s0, heads, left, right, sibling)
            shifted[b0] = 0
            depth -= 1
        elif kind == REDUCE:
            depth -= 1
            if heads[s0] < 0 and depth > 0:
                shifted[s0] = 1
                again[back] = s0
                back += 1
        else:
            if kind == RIGHT:
                _attach(s0, b0, heads, left, right, sibling)
            stack[depth] = b0
            depth += 1
            if back > 0:
                back -= 1
            else:
                at += 1
    root = -1
    for i in range(read):
        top = i
        while heads[top] >= 0:
            top = heads[top]
        starts[i] = top != root
        root = top
    return True


@njit(cache=True, nogil=True)
def _score(places, features, padding, bias, upper, upper_bias, state, scores):
    """The score of each action in the state that has these tokens at its places (-1: none)."""
    hidden, actions = upper.shape
    for j in range(2 * hidden):
        state[j] = 0
    for place in range(len(places)):
        token = places[place]
        for j in range(2 * hidden):
            state[j] += features[token, place, j] if token >= 0 else padding[place, j]
    for a in range(actions):
        scores[a] = 0
    for k in range(hidden):
        value = max(state[k] + bias[k], state[hidden + k] + bias[hidden + k])
        for a in range(actions):
            scores[a] += value * upper[k, a]
    for a in range(actions):
        scores[a] += upper_bias[a]


@njit(cache=True, nogil=True, inline="always")
def _attach(head, child, heads, left, right, sibling):
    """An arc; the one that the child had before is gone, which is always its head's last one."""
    old = heads[child]
    if old >= 0:
        if old > child and left[old] == child:
            left[old] = sibling[child]
        elif old < child and right[old] == child:
            right[old] = sibling[child]
    heads[child] = head
    if head > child:
        sibling[child] = left[head]
        left[head] = child
    else:
        sibling[child] = right[head]
        right[head] = child


@njit(cache=True, nogil=True)
def choose(scores, kinds, space, final, chosen, second):
    """The best valid action of each token outside an entity, and the best one that does not begin a longer entity."""
    for i in range(len(scores)):
        best = unit = -1
        for a in range(scores.shape[1]):
            kind = kinds[a]
            if (kind != OUT and space[i]) or (kind == BEGIN and final[i]):
                continue
            if best < 0 or scores[i, a] > scores[i, best]:
                best = a
            if kind != BEGIN and (unit < 0 or scores[i, a] > scores[i, unit]):
                unit = a
        chosen[i], second[i] = best, unit


@njit(cache=True, nogil=True)
def unsettled(chosen, second, stops, kinds, wanted, begin, end):
    """Up to which token of [begin, end) sentence starts decide on the wanted entities; -1: none does.

    A sentence that starts within an entity cuts it, and what follows is read anew. So every token is looked at that can
    be read outside an entity under some choice of sentence starts.

    stops      one past the last token of an entity that begins here, where no sentence starts inside
    wanted     of each action, whether its label is asked for
    """
    plain = np.zeros(end - begin + 1, dtype=np.uint8)  # read outside an entity, where no sentence cuts one
    i = begin
    while i < end:
        plain[i - begin] = 1
        i = stops[i] if kinds[chosen[i]] == BEGIN else i + 1
    reached = np.zeros(end - begin + 1, dtype=np.uint8)
    reached[0] = 1
    until = -1
    for i in range(begin, end):
        if not reached[i - begin]:
            continue
        action = chosen[i]
        if kinds[action] != BEGIN:
            reached[i + 1 - begin] = 1
            if wanted[action] and not plain[i - begin]:
                until = max(until, i)
            continue
        for j in range(i + 1, stops[i] + 1):
            reached[j - begin] = 1
        if wanted[action]:
            until = max(until, stops[i] - 1)
        elif wanted[second[i]]:
            until = max(until, i + 1)
        if not plain[i - begin]:
            for j in range(i + 1, stops[i]):
                if plain[j - begin] and wanted[chosen[j]]:
                    until = max(until, stops[i] - 1)
    return until


@njit(cache=True, nogil=True)
def read_entities(chosen, second, stops, kinds, starts, begin, end, found):
    """Entities of the document [begin, end) as (action, first token, one past the last); returns their number."""
    number = 0
    i = begin
    while i < end:
        action, stop = chosen[i], i + 1
        if kinds[action] == BEGIN:
            if starts[i + 1]:
                action = second[i]
            else:
                while stop < stops[i] and not starts[stop]:
                    stop += 1
        if kinds[action] != OUT:
            found[number, 0], found[number, 1], found[number, 2] = action, i, stop
            number += 1
        i = stop
    return number
