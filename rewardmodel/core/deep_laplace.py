"""What a trained reward network does not know: a Laplace posterior of its last layer, and novelty.

The network's states are taken as fixed features phi, and the head's weights w as a Bayesian linear
model around the trained ones: covariance = inverse of (sum over votes of information times the
outer product of the pair's phi differences, plus precision I). Kristiadi, Hein and Hennig (2020),
arXiv:2002.10118. The prior's precision is MacKay's fixed point: gamma / |w|^2 with gamma the number
of directions that the votes determine (MacKay 1992, The evidence framework applied to
classification networks, equation 3.4).

Novelty compares a response's squared Mahalanobis distance, in the principal axes of the training's
states, with those of training responses under a Gaussian fitted without them (Lee et al. 2018,
arXiv:1807.03888).
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

from rewardmodel.core.deep_data import DeepVotes
from rewardmodel.core.deep_loss import information, vote_log_probs
from rewardmodel.core.deep_settings import Ties
from rewardmodel.core.pairs import TIE, Floats, Ints

MOST_AXES = 32
ROWS_PER_AXIS = 5
EVIDENCE_STEPS = 50
FEW_VOTES = 30


@dataclass(frozen=True, slots=True)
class Posterior:
    """Of one criterion's head: covariance (H, H) of its weights, and the prior's precision."""

    covariance: Floats
    precision: float


@dataclass(frozen=True, slots=True)
class Novelty:
    """A Gaussian in principal axes (H, k) about a centre (H,), and known distances (n,), sorted."""

    centre: Floats
    axes: Floats
    scale: Floats
    distances: Floats

    def share(self, states: Floats) -> Floats:
        """(n,) share of the training's responses that are less unusual than states (n, H)."""
        if not len(self.distances):
            return np.zeros(len(states))
        found = np.searchsorted(self.distances, _distances(states, self), side="left")
        return np.asarray(found / len(self.distances))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Differences are divided by `temperature` before the tie model with `eta` reads them."""

    temperature: float
    eta: float


def laplace(
    states: Floats, rewards: Floats, weights: Floats, votes: DeepVotes, eta: float, ties: Ties
) -> Posterior:
    """The posterior of one criterion's weights (H,); `votes` are those on this criterion.

    states: (N, H) and rewards: (N,) of the rows that votes name.
    """
    difference = rewards[votes.first] - rewards[votes.second]
    told = votes.weight * _information(difference, eta, ties)
    rows = (states[votes.first] - states[votes.second]) * np.sqrt(told)[:, None]
    values, vectors = np.linalg.eigh(rows.T @ rows)
    values = np.maximum(values, 0.0)
    precision = _evidence_precision(values, float(weights @ weights))
    covariance = (vectors / (values + precision)) @ vectors.T
    return Posterior((covariance + covariance.T) / 2, precision)


def _information(difference: Floats, eta: float, ties: Ties) -> Floats:
    d = torch.from_numpy(np.asarray(difference, dtype=float))
    return np.asarray(information(d, torch.full_like(d, eta), ties).numpy())


def _evidence_precision(values: Floats, squared: float) -> float:
    precision = len(values) / max(squared, 1e-12)
    for _ in range(EVIDENCE_STEPS):
        determined = float((values / (values + precision)).sum())
        # One direction at least: without votes the prior is what it was.
        precision = max(determined, 1.0) / max(squared, 1e-12)
    return precision


def spread(states: Floats, centre: Floats, posterior: Posterior) -> Floats:
    """(n,) standard deviation of the rewards of states (n, H), relative to the average response.

    Only differences of rewards are ever observed, so what all responses share is no uncertainty.
    """
    away = states - centre
    variance = ((away @ posterior.covariance) * away).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def fit_novelty(states: Floats, groups: Ints, seed: int) -> Novelty:
    """Fits to states (N, H) of training responses; distances come from the half left out.

    groups: (N,) prompts, of which each falls into one half.
    """
    unique = np.unique(groups)
    np.random.default_rng([seed, 3]).shuffle(unique)
    in_first = np.isin(groups, unique[: len(unique) // 2])
    distances = [np.zeros(0)]
    for mask in (in_first, ~in_first):
        if mask.sum() >= 2 and (~mask).any():
            distances.append(_distances(states[~mask], _gaussian(states[mask])))
    whole = _gaussian(states)
    known = np.sort(np.concatenate(distances))
    return Novelty(whole.centre, whole.axes, whole.scale, known)


def _gaussian(states: Floats) -> Novelty:
    centre = states.mean(axis=0)
    size = max(1, min(MOST_AXES, len(states) // ROWS_PER_AXIS, states.shape[1]))
    values, vectors = np.linalg.eigh(np.cov(states.T, bias=True).reshape(states.shape[1], -1))
    scale = np.sqrt(np.maximum(values[::-1][:size], 1e-12))
    return Novelty(centre, np.ascontiguousarray(vectors[:, ::-1][:, :size]), scale, np.zeros(0))


def _distances(states: Floats, fitted: Novelty) -> Floats:
    """Squared length in the axes, each in its standard deviations, plus what lies outside them.

    What lies outside is measured in the deviation of the last axis kept.
    """
    away = states - fitted.centre
    inside = away @ fitted.axes
    outside = np.maximum((away**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
    return np.asarray(((inside / fitted.scale) ** 2).sum(axis=1) + outside / fitted.scale[-1] ** 2)


def calibrate(
    difference: Floats, votes: DeepVotes, start: Calibration, ties: Ties
) -> tuple[Calibration, str]:
    """Temperature and tie parameter with the least log-loss on held-back votes, and a note.

    difference: (n,) rewards of first less second of each vote. Of too few votes it stays as it is.
    """
    if len(votes) < FEW_VOTES or not (votes.outcome != TIE).any():
        return start, f"not calibrated: fewer than {FEW_VOTES} held-back votes"
    outcome = torch.from_numpy(votes.outcome)
    weight = torch.from_numpy(votes.weight)
    d = torch.from_numpy(np.asarray(difference, dtype=float))

    def loss(x: Floats) -> float:
        eta = torch.full_like(d, float(x[1]))
        logs = vote_log_probs(d / float(np.exp(x[0])), eta, ties)
        prior = 0.5 * float(x[0]) ** 2 + 0.05 * (float(x[1]) - start.eta) ** 2
        return float(-(weight * logs.gather(1, outcome[:, None]).squeeze(1)).sum()) + prior

    found = minimize(loss, np.array([0.0, start.eta]), method="Nelder-Mead")
    temperature = float(np.clip(np.exp(found.x[0]), 0.05, 20.0))
    return Calibration(
        temperature, float(found.x[1])
    ), f"calibrated on {len(votes)} held-back votes"
