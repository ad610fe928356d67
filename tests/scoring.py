"""How good a detector is, worked out a second time: by the definitions, one reading after the other, as slowly as that is."""

import math


def roc_auc(scores, labels):
    """The chance that an anomalous reading has a higher score than a normal one, over all pairs."""
    anomalous = [score for score, label in zip(scores, labels) if label]
    normal = [score for score, label in zip(scores, labels) if not label]
    if not anomalous or not normal:
        return None
    won = sum((a > n) + (a == n) / 2 for a in anomalous for n in normal)
    return won / (len(anomalous) * len(normal))


def average_precision(scores, labels):
    if not any(labels):
        return None
    area, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        flagged = [label for score, label in zip(scores, labels) if score >= threshold]
        recall = sum(flagged) / sum(labels)
        area += (recall - recall_before) * sum(flagged) / len(flagged)
        recall_before = recall
    return area


def segments(labels):
    found = []
    for i, label in enumerate(labels):
        if label and i and labels[i - 1]:
            found[-1][1] = i
        elif label:
            found.append([i, i])
    return found


def vus_pr(scores, labels, longest=100, thresholds=250):
    """TSB-AD's RangeAUC_volume_opt, for the area under precision and recall."""
    count, anomalies = len(scores), segments(labels)
    if not anomalies:
        return None
    by_rank = sorted(scores, reverse=True)
    step = (count - 1) / (thresholds - 1)
    ranks = [int(k * step) for k in range(thresholds - 1)] + [count - 1]
    volume = 0.0
    for buffer in range(longest + 1):
        half = buffer // 2
        extended = [float(label) for label in labels]
        for first, last in anomalies:
            for i in range(last + 1, min(last + half + 1, count)):
                extended[i] += math.sqrt(1 - (i - last) / buffer)
            for i in range(max(first - half, 0), first):
                extended[i] += math.sqrt(1 - (first - i) / buffer)
        extended = [min(1.0, one) for one in extended]
        merged = []
        for first, last in anomalies:
            first, last = max(first - half, 0), min(last + half, count - 1)
            if merged and merged[-1][1] >= first:
                merged[-1][1] = last
            else:
                merged.append([first, last])
        area, recall_before = 0.0, 0.0
        for threshold in dict.fromkeys(by_rank[rank] for rank in ranks):  # one that repeats adds nothing
            predicted = [score >= threshold for score in scores]
            hit = sum(any(predicted[first:last + 1]) for first, last in merged) / len(merged)
            true = sum(one for one, is_predicted in zip(extended, predicted) if is_predicted)
            outside = sum(one for one, is_predicted, label in zip(extended, predicted, labels) if is_predicted and not label)
            positive = (2 * sum(labels) + outside) / 2
            recall = min(1.0, true / positive) * hit
            area += (recall - recall_before) * true / sum(predicted)
            recall_before = recall
        volume += area
    return volume / (longest + 1)


def best_threshold(scores, labels):
    """Of all that leave some readings unflagged, the one with the best F1; of equals the highest."""
    best, threshold = 0.0, None
    for candidate in sorted(set(scores), reverse=True)[:-1]:
        flagged = [label for score, label in zip(scores, labels) if score >= candidate]
        f1 = 2 * sum(flagged) / (len(flagged) + sum(labels))
        if f1 > best:
            best, threshold = f1, candidate
    return threshold
