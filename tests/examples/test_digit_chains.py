"""The example of rows of digits, in its quick mode."""

from __future__ import annotations

import itertools

import torch


def test_chains_read_more_than_digits_alone(quick):
    module, (found,), shown = quick("digit_chains")
    assert set(found) == {module.UNTRAINED, *module.METHODS}
    assert found[module.UNTRAINED] < 25 < found["digit by digit"]
    for name in module.METHODS:
        if name.startswith("chain"):
            assert found[name] > found["digit by digit"] + 3
        assert f"{found[name]:.1f}" in shown


def test_the_likelihood_is_that_of_all_paths(example):
    module = example("digit_chains")
    module.LONGEST = 3
    torch.manual_seed(0)
    reader = module.Reader()
    torch.nn.init.normal_(reader.transitions)
    digits, lengths = torch.randint(10, (2, 3)), torch.tensor([3, 2])
    rows = module.Rows(torch.randn(2, 3, 64), digits, lengths)
    emissions, transitions = (part.detach().double() for part in reader(rows.pictures))

    def score(row, path):
        steps = sum(emissions[row, step, digit] for step, digit in enumerate(path))
        return steps + sum(transitions[pair] for pair in itertools.pairwise(path))

    total = 0.0
    for row, length in enumerate(lengths.tolist()):
        every = torch.stack([score(row, path) for path in itertools.product(range(10), repeat=length)])
        total += torch.logsumexp(every, 0) - score(row, digits[row, :length].tolist())
    assert torch.allclose(module.exact_likelihood()(reader, rows).double(), total / 5, rtol=1e-4)
