"""Markov Logic Networks: grounding, MAP from text, re-solves, and the layer, against plain MIPs and fixed bounds

The references are what one would write without this plugin: nested loops in Python that ground clauses one by one, and
the textbook encoding as a MIP for highspy, rebuilt for every solve or built once with only its costs changed (its gap
is HiGHS's default of 1e-4; ours is 0). Values are compared before anything is timed. A bound on features or solves per
second is shown as seconds. pracmln runs in a Python 3.8 of its own, or is skipped with a message: see
`benchmarks/pracmln.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import highspy
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import gaussian_filter

import imle
import imle_mln
from benchmarks import pracmln
from benchmarks.harness import Claim, race
from imle_mln.grounding import ground
from imle_mln.network import GroundNetwork
from imle_mln.solver import MLNSolver, PreparedMLN, clause_weights

Floats = NDArray[np.float64]

TRANSITIVITY = """
person = {{1,...,{n}}}
Friends(person, person)
1.0 Friends(x,y) ^ Friends(y,z) => Friends(x,z)
"""
SMOKERS = """
*Friends(person, person)
Smokes(person)
Cancer(person)
-1.4 Smokes(x)
-2.3 Cancer(x)
1.5 Smokes(x) => Cancer(x)
1.1 Friends(x,y) ^ Smokes(x) => Smokes(y)
"""
ISING = """
cell = {{1,...,{n}}}
*Next(cell, cell)
On(cell)
0.8 Next(x,y) ^ On(x) => On(y)
0.8 Next(x,y) ^ On(y) => On(x)
"""
IMAGE = """
cell = {{1,...,{n}}}
*Next(cell, cell)
On(cell)
0.0 Next(x,y) => (On(x) <=> On(y))
"""
POTTS = """
cell = {{1,...,{n}}}
value = {{1,...,4}}
*Next(cell, cell)
Has(cell, value!)
0.8 Next(x,y) ^ Has(x,v) => Has(y,v)
"""
RECORDS = """
record = {{1,...,{n}}}
Same(record, record)
Same(x,x).
Same(x,y) => Same(y,x).
Same(x,y) ^ Same(y,z) => Same(x,z).
"""
LINKS = """
person = {{1,...,{n}}}
*Before(person, person)
Knows(person, person)
Knows(x,y) => Before(x,y).
0.4 Knows(x,y) ^ Knows(y,z) => Knows(x,z)
"""
ADVISORS = """
*Professor(person)
*Student(person)
*Wrote(person, paper)
*Taught(person, course)
*Assisted(person, course)
Advised(person, person)
1.2 Student(s) ^ Professor(p) ^ Wrote(s,t) ^ Wrote(p,t) => Advised(s,p)
0.8 Student(s) ^ Professor(p) ^ Assisted(s,c) ^ Taught(p,c) => Advised(s,p)
2.0 Advised(s,p) => Student(s) ^ Professor(p)
2.1 Student(s) => EXIST p Advised(s,p)
0.7 !Advised(s,p) v !Advised(s,q) v p = q
-0.4 Advised(s,p)
0.3 Advised(s,p) => !Advised(p,s)
"""
PAPERS = """
topic = {A, B, C, D, E}
*Refers(paper, paper)
*Wrote(author, paper)
Topic(paper, topic!)
0.9 Refers(p,q) ^ Topic(p,t) => Topic(q,t)
0.5 Wrote(a,p) ^ Wrote(a,q) ^ Topic(p,t) => Topic(q,t)
0.1 Topic(p,+t)
"""


# Evidence -------------------------------------------------------------------------------------------------------------


def lines(predicate: str, rows: Iterable[Sequence[object]]) -> str:
    return "".join(f"{predicate}({','.join(map(str, row))})\n" for row in rows)


def smokers(people: int) -> str:
    """Four friends each on average; the habits of a quarter and the health of a twentieth are known."""
    rng = np.random.default_rng(0)
    pairs = np.stack(np.divmod(np.unique(rng.integers(0, people**2, 4 * people)), people), axis=1)
    known, ill = (rng.choice(people, people // part, replace=False) for part in (4, 20))
    text = lines("Friends", ((f"P{a}", f"P{b}") for a, b in pairs.tolist() if a != b))
    text += "".join(f"{'!' * int(rng.integers(2))}Smokes(P{a})\n" for a in known)
    return text + lines("Cancer", ([f"P{a}"] for a in ill))


def grid(side: int) -> str:
    cell = np.arange(1, side * side + 1).reshape(side, side)
    across = np.stack([cell[:, :-1], cell[:, 1:]], axis=-1).reshape(-1, 2)
    down = np.stack([cell[:-1], cell[1:]], axis=-1).reshape(-1, 2)
    return lines("Next", [*across.tolist(), *down.tolist()])


def department(people: int) -> str:
    rng = np.random.default_rng(0)
    professors = people // 4
    staff, students = range(professors), range(professors, people)
    wrote = [(a, f"T{t}") for t in range(4 * people) for a in rng.choice(people, rng.integers(1, 4), replace=False)]
    text = lines("Professor", ([a] for a in staff)) + lines("Student", ([a] for a in students))
    text += lines("Wrote", wrote) + lines("Taught", ((a, f"C{2 * a + k}") for a in staff for k in range(2)))
    helped = [(a, f"C{c}") for a in students for c in rng.choice(2 * professors, 3, replace=False)]
    return text + lines("Assisted", helped)


def citations(papers: int) -> str:
    """Two citations a paper, four of five within its topic; authors mostly keep to one; half are labelled."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 5, papers)
    members = [np.flatnonzero(topic == k) for k in range(5)]
    refers, wrote = set(), set()
    for p in range(papers):
        for _ in range(2):
            refers.add((p, int(rng.choice(members[topic[p]]) if rng.random() < 0.8 else rng.integers(papers))))
        for _ in range(2):
            group = topic[p] if rng.random() < 0.9 else rng.integers(5)
            wrote.add((int(group * (papers // 5) + rng.integers(papers // 5)), p))
    text = lines("Refers", ((f"P{p}", f"P{q}") for p, q in sorted(refers) if p != q))
    text += lines("Wrote", ((f"X{a}", f"P{p}") for a, p in sorted(wrote)))
    return text + lines("Topic", ((f"P{p}", "ABCDE"[topic[p]]) for p in range(papers) if rng.random() < 0.5))


# References -----------------------------------------------------------------------------------------------------------


class PlainMIP:
    """The textbook encoding of a ground network for weights whose signs stay: z <= sum l_i, or z >= l_i for every i."""

    def __init__(self, network: GroundNetwork, weights: Floats) -> None:
        self.network, self.weights = network, clause_weights(network, weights)
        self.constant = float(network.constants @ weights)
        atoms, clauses, items = network.atoms, len(network.clauses), network.clauses.items
        row = np.repeat(np.arange(clauses), np.diff(network.clauses.starts))
        variable, sign = np.where(items < 0, ~items, items), np.where(items < 0, -1.0, 1.0)
        negative = (items < 0).astype(float)
        nested = np.zeros(clauses, bool)
        nested[variable[variable >= atoms] - atoms] = True
        soft = ~network.hard
        z = atoms + np.arange(clauses)
        literals = sparse.csr_array((sign, (row, variable)), shape=(clauses, atoms + clauses))
        own = sparse.csr_array((np.ones(clauses), (np.arange(clauses), z)), shape=literals.shape)
        constant = np.bincount(row, negative, clauses)
        above = soft & (nested | (self.weights > 0))
        below = (soft & (nested | (self.weights < 0)))[row]
        single = sparse.csr_array((sign, (np.arange(len(row)), variable)), shape=(len(row), literals.shape[1]))
        block = np.repeat(np.arange(len(network.blocks)), np.diff(network.blocks.starts))
        one = sparse.csr_array(
            (np.ones(len(block)), (block, network.blocks.items)), shape=(len(network.blocks), literals.shape[1])
        )
        parts = (  # matrix @ x >= lower
            (literals[network.hard], 1.0 - constant[network.hard], np.inf),
            ((literals - own)[above], -constant[above], np.inf),
            ((own[row] - single)[below], negative[below], np.inf),
            (one, np.ones(len(network.blocks)), 1.0),
        )
        matrix = sparse.vstack([part for part, _, _ in parts], format="csr")
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = matrix.shape[1], matrix.shape[0]
        program.sense_ = highspy.ObjSense.kMaximize
        program.col_cost_ = np.concatenate([np.zeros(atoms), np.where(soft, self.weights, 0.0)])
        program.col_lower_, program.col_upper_ = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        program.row_lower_ = np.concatenate([lower for _, lower, _ in parts])
        program.row_upper_ = np.concatenate([np.full(len(lower), upper) for _, lower, upper in parts])
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
        program.a_matrix_.value_ = matrix.data
        kinds = [highspy.HighsVarType.kInteger] * atoms + [highspy.HighsVarType.kContinuous] * clauses
        program.integrality_ = kinds
        self.constant += float(self.weights[network.hard].sum())
        self.native = highspy.Highs()
        self.native.setOptionValue("output_flag", False)
        self.native.setOptionValue("threads", 1)
        self.native.passModel(program)

    def solve(self, unary: Floats) -> float:
        self.native.changeColsCost(len(unary), np.arange(len(unary), dtype=np.int32), unary)
        self.native.run()
        assert self.native.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return float(self.native.getInfo().objective_function_value) + self.constant


Literal = tuple[bool, str, str]  # positive, predicate, its variables as letters
LOOPS: Mapping[str, list[tuple[float, list[Literal]]]] = {
    "transitivity": [
        (1.0, [(False, "Friends", "xy"), (False, "Friends", "yz"), (True, "Friends", "xz")]),
    ],
    "smokers": [
        (-1.4, [(True, "Smokes", "x")]),
        (-2.3, [(True, "Cancer", "x")]),
        (1.5, [(False, "Smokes", "x"), (True, "Cancer", "x")]),
        (1.1, [(False, "Friends", "xy"), (False, "Smokes", "x"), (True, "Smokes", "y")]),
    ],
}
Atom = tuple[str, ...]
Merged = dict[frozenset[tuple[bool, Atom]], float]


def by_loops(name: str, people: Sequence[str], known: Mapping[Atom, bool], closed: str) -> tuple[Merged, float]:
    """Merged ground clauses with their weights, and the weight of those that evidence makes true."""
    merged: Merged = {}
    constant = 0.0
    for weight, clause in LOOPS[name]:
        variables = sorted({v for _, _, letters in clause for v in letters})
        for binding in itertools.product(people, repeat=len(variables)):
            value = dict(zip(variables, binding, strict=True))
            left = set()
            for positive, predicate, letters in clause:
                atom = (predicate, *(value[v] for v in letters))
                truth = known.get(atom, False if predicate == closed else None)
                if truth is positive or (not positive, atom) in left:
                    constant += weight
                    break
                if truth is None:
                    left.add((positive, atom))
            else:
                if left:
                    key = frozenset(left)
                    merged[key] = merged.get(key, 0.0) + weight
    return merged, constant


def smokers_by_hand(evidence: str) -> float:
    """Text to MAP: read lines, ground by loops, model clause by clause in highspy."""
    known: dict[Atom, bool] = {}
    for line in evidence.splitlines():
        predicate, _, arguments = line.lstrip("!").rstrip(")").partition("(")
        known[predicate, *arguments.split(",")] = not line.startswith("!")
    people = sorted({constant for atom in known for constant in atom[1:]})
    merged, constant = by_loops("smokers", people, known, "Friends")
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    atoms = {atom: model.addBinary() for atom in sorted({atom for clause in merged for _, atom in clause})}
    objective = []
    for clause, weight in merged.items():
        literals = [atoms[atom] if positive else 1 - atoms[atom] for positive, atom in clause]
        z = model.addVariable(0, 1)
        objective.append(weight * z)
        if weight > 0:
            model.addConstr(z <= model.qsum(literals))
        else:
            for literal in literals:
                model.addConstr(z >= literal)
    model.maximize(model.qsum(objective))
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getObjectiveValue()) + constant


# Claims ---------------------------------------------------------------------------------------------------------------


def bound(name: str, seconds: float, limit: float, note: str) -> Claim:
    return Claim(name, seconds, limit, target=1.0, at_most=True, note=note)


def grounding() -> list[Claim]:
    small, large = (imle_mln.parse_program(TRANSITIVITY.format(n=n)) for n in (20, 100))
    program = imle_mln.parse_program(SMOKERS)
    database = imle_mln.parse_database(smokers(10_000), program)
    people = [str(k) for k in range(1, 21)]
    found, (merged, _) = ground(small).network, by_loops("transitivity", people, {}, "")
    assert len(found.clauses) == len(merged)
    assert found.count_values.sum() == sum(merged.values())
    times = race(
        {
            "20": lambda: ground(small),
            "loops": lambda: by_loops("transitivity", people, {}, ""),
            "100": lambda: ground(large),
            "smokers": lambda: ground(program, database),
        },
        rounds=5,
    )
    results = [Claim("ground transitivity, 20 people, vs nested loops", times["20"], times["loops"], target=3)]
    for name, key, network in (
        ("transitivity, 100 people", "100", ground(large).network),
        ("smokers-friends-cancer, 10,000 people", "smokers", ground(program, database).network),
    ):
        features = len(network.clauses)
        per_second = f"{features / times[key] / 1e6:.2g} M/s"
        results.append(
            bound(f"ground {name}: {features:,} merged", times[key], features / 1e6, f"bound 1 M/s, now {per_second}")
        )
    return results


def from_text() -> list[Claim]:
    """Text to proven MAP."""
    few, many, staff, papers = smokers(100), smokers(1000), department(70), citations(10_000)

    def proven(program: str, evidence: str) -> imle_mln.MAPState:
        state = imle_mln.map(program, evidence)
        assert state.status.name == "OPTIMAL"
        assert state.gap < 1e-6
        return state

    for program, evidence in ((SMOKERS, many), (PAPERS, papers)):
        state = proven(program, evidence)
        network, weights = state.problem.grounding.network, state.problem.grounding.formulas.weights
        assert np.isclose(state.score, PlainMIP(network, weights).solve(np.zeros(network.atoms)), rtol=1e-4)
    assert np.isclose(proven(SMOKERS, few).score, smokers_by_hand(few), rtol=1e-4)
    times = race(
        {
            "100": lambda: proven(SMOKERS, few),
            "hand": lambda: smokers_by_hand(few),
            "1,000": lambda: proven(SMOKERS, many),
        },
        rounds=9,
    )
    slow = race({"staff": lambda: proven(ADVISORS, staff), "papers": lambda: proven(PAPERS, papers)}, rounds=2)
    return [
        bound("smokers, 100 people, text to MAP", times["100"], 0.1, "bound 0.1 s"),
        Claim("smokers, 100 people, vs nested loops and highspy", times["100"], times["hand"], target=3),
        bound("smokers, 1,000 people, text to MAP", times["1,000"], 0.3, "bound 0.3 s"),
        bound(f"advisors, 70 people, {features(ADVISORS, staff)}", slow["staff"], 15.0, "bound 15 s"),
        bound(f"10,000 papers, {features(PAPERS, papers)}", slow["papers"], 8.0, "bound 8 s"),
    ]


def features(program: str, evidence: str) -> str:
    count = len(MLNSolver().prepare(program, evidence).grounding.network.clauses)
    return f"{count:,} merged features"


def objectives(solver: PreparedMLN, means: Floats | float, noise: float, rows: int) -> Floats:
    """The program's weights, and unaries with logistic noise."""
    rng = np.random.default_rng(0)
    made = np.empty((rows, *solver.objective_shape))
    made[:, : solver.formulas] = solver.grounding.formulas.weights
    made[:, solver.formulas :] = means + noise * rng.logistic(size=made[:, solver.formulas :].shape)
    return made


def resolves(
    name: str,
    program: str,
    evidence: str | None,
    per_second: float,
    means: Floats | float = 0.0,
    *,
    noise: float = 1.0,
    rebuilt: float | None = 10.0,
    rows: int = 16,
    few: int = 2,
) -> list[Claim]:
    """Solves per row with new unaries, against a bound, a MIP built for each row, and one that is kept."""
    solver = MLNSolver().prepare(program, evidence)
    network, weights = solver.grounding.network, solver.grounding.formulas.weights
    given = objectives(solver, means, noise, rows)
    unary = given[:few, solver.formulas :]
    values = solver.solve(given).objective_values
    assert values is not None
    kept = PlainMIP(network, weights)
    generic = MLNSolver(engine="highs").prepare(program, evidence)

    def scratch() -> list[float]:
        return [PlainMIP(network, weights).solve(row) for row in unary]

    def generic_scratch() -> list[float]:
        clause = clause_weights(network, weights)
        return [generic.engine().solve(row, clause).objective + float(network.constants @ weights) for row in unary]

    for reference in (scratch(), generic_scratch(), [kept.solve(row) for row in unary]):
        np.testing.assert_allclose(values[:few], reference, rtol=1e-4)
    times = race(
        {
            "ours": lambda: solver.solve(given),
            "scratch": scratch,
            "generic": generic_scratch,
            "kept": lambda: [kept.solve(row) for row in unary],
        },
        rounds=3,
        warmups=0,
    )
    ours = times.pop("ours") / rows
    results = [bound(f"{name}: re-solve", ours, 1 / per_second, f"bound {per_second:g}/s, now {1 / ours:.0f}/s")]
    if rebuilt is not None:
        results += [
            Claim(f"{name}: vs {what}", ours, times[key] / few, target=target, note="per row")
            for key, what, target in (
                ("scratch", "a plain MIP, rebuilt", rebuilt),
                ("kept", "a plain MIP, new costs", 5.0),
                ("generic", 'engine="highs", rebuilt', 1.0),
            )
        ]
    return results


def similarity(n: int) -> Floats:
    """Unaries of `Same`: groups of three."""
    group = np.arange(n) // 3
    return np.where(group[:, None] == group, 1.0, -1.0).ravel()


def all_resolves() -> list[Claim]:
    before = lines("Before", itertools.combinations(range(1, 17), 2))
    return [
        *resolves("Ising 64x64", ISING.format(n=4096), grid(64), 150),
        *resolves("Potts 16x16x4", POTTS.format(n=256), grid(16), 50, few=4),
        *resolves("entity resolution, 15 records", RECORDS.format(n=15), None, 100, similarity(15), few=8),
        *resolves("links, soft transitivity, 16 people", LINKS.format(n=16), before, 30, -0.5, rebuilt=None),
        *resolves("advisors, 20 people, 400 atoms", ADVISORS, department(20), 30, rebuilt=None),
    ]


def cutting_planes() -> Claim:
    """The first solve of 30 records, engine included: rows when they are broken, against all of them at once."""
    solver = MLNSolver().prepare(RECORDS.format(n=30))
    network, weights = solver.grounding.network, np.zeros(0)
    unary = objectives(solver, similarity(30), 0.5, 1)[0]
    clause = clause_weights(network, weights)
    value = solver.engine().solve(unary, clause).objective
    assert np.isclose(value, PlainMIP(network, weights).solve(unary), rtol=1e-4)
    times = race(
        {
            "cuts": lambda: solver.engine().solve(unary, clause),
            "full": lambda: PlainMIP(network, weights).solve(unary),
        },
        rounds=3,
        warmups=0,
    )
    return Claim("entity resolution, 30 records, cutting planes vs all rows", times["cuts"], times["full"], target=4)


def layer_overhead(name: str, program: str, evidence: str, batch: int) -> Claim:
    """An I-MLE step over the same number of bare MAP calls, one by one, on perturbed objectives."""
    layer = imle.layer("mln-map", program=program, evidence=evidence)
    problem = layer.problem
    network, atoms = problem.grounding.network, len(layer.atoms)
    unary = torch.randn(batch, atoms, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor(problem.grounding.formulas.weights.tolist(), dtype=torch.float64, requires_grad=True)
    gradient = torch.randn(batch, atoms, dtype=torch.float64) / atoms
    engine = problem.engine()
    own = weights.detach().numpy()

    def step() -> None:
        unary.grad = weights.grad = None
        state, _ = layer(unary, weights)
        state.backward(gradient)

    def bare(noise: Floats | float) -> list[float]:
        rows = np.concatenate([unary.detach().numpy() + noise - side * gradient.numpy() for side in (0.0, 1.0)])
        return [engine.solve(row, clause_weights(network, own)).objective for row in rows]

    layer.eval()
    score = layer.score(layer(unary, weights)[0], unary, weights).weighted.detach().numpy()
    np.testing.assert_allclose(np.array(bare(0.0)[:batch]) + network.constants @ own, score, rtol=1e-9)
    layer.train()
    noise = np.random.default_rng(0).logistic(size=(batch, atoms))
    candidates: dict[str, Callable[[], object]] = {"step": step, "bare": lambda: bare(noise)}
    times = race(candidates, rounds=31, warmups=3)
    calls = 2 * batch
    return Claim(
        f"I-MLE step, {name}", times["step"] / calls, times["bare"] / calls, 1.2, at_most=True, note="per MAP call"
    )


def frustrated() -> Claim:
    """Clauses of random signs and weights: where nodes on the relaxation do not do, "auto" asks CP-SAT."""
    rng = np.random.default_rng(0)
    atoms, clauses = 100, 300
    literals = [rng.choice(atoms, 3, replace=False) for _ in range(clauses)]
    rules = [" v ".join(f"{'!' if rng.random() < 0.5 else ''}On({atom + 1})" for atom in clause) for clause in literals]
    text = "".join(f"{weight:.6f} {rule}\n" for weight, rule in zip(2 * rng.normal(size=clauses), rules, strict=True))
    problem = MLNSolver().prepare(f"cell = {{1,...,{atoms}}}\nOn(cell)\n{text}")
    network, weights = problem.grounding.network, problem.grounding.formulas.weights
    unary, clause = rng.normal(size=(3, atoms)), clause_weights(network, weights)
    generic = MLNSolver(engine="highs").prepare(f"cell = {{1,...,{atoms}}}\nOn(cell)\n{text}")
    solvers = {"auto": problem.engine(), "highs": generic.engine()}
    values = {name: engine.solve_rows(unary, clause).objective for name, engine in solvers.items()}
    np.testing.assert_allclose(values["auto"], values["highs"], rtol=1e-7)
    times = race({name: lambda e=engine: e.solve_rows(unary, clause) for name, engine in solvers.items()}, rounds=3)
    return Claim('frustrated 3-clauses, 100 atoms: auto vs engine="highs"', times["auto"], times["highs"], target=1.5)


def denoising() -> Claim:
    """Linear unaries and one rule weight on 16x16 images, 30 epochs of 30 images, on images not trained on."""
    side, images, epochs = 16, 30, 30
    rng = np.random.default_rng(0)
    truth = (gaussian_filter(rng.normal(size=(2 * images, side, side)), (0, 2, 2), mode="nearest") > 0).reshape(
        2 * images, -1
    )
    signal = np.where(truth, 0.6, -0.6)[..., None] * np.array([1.0, 0.5])
    x = torch.from_numpy(signal + rng.normal(size=(*truth.shape, 2))).float()
    y = torch.from_numpy(truth).float()

    def trained(predict: Callable[[torch.nn.Linear], Callable[[torch.Tensor], torch.Tensor]]) -> float:
        torch.manual_seed(0)
        linear = torch.nn.Linear(2, 1)
        return float((predict(linear)(x[images:]).round() == y[images:]).float().mean())

    def alone(linear: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
        optimiser = torch.optim.Adam(linear.parameters(), lr=0.1)
        for _ in range(200):
            optimiser.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(linear(x[:images])[..., 0], y[:images]).backward()
            optimiser.step()
        return lambda given: linear(given)[..., 0].sigmoid()

    layer = imle.layer("mln-map", program=IMAGE.format(n=side * side), evidence=grid(side))

    def together(linear: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
        weights = torch.zeros(1, requires_grad=True)
        optimiser = torch.optim.Adam([*linear.parameters(), weights], lr=0.1)
        layer.train()
        for _ in range(epochs):
            optimiser.zero_grad()
            state, _ = layer(linear(x[:images])[..., 0], weights)
            (state - y[:images]).square().mean(dim=0).sum().backward()
            optimiser.step()
        return lambda given: layer.eval()(linear(given)[..., 0], weights)[0]

    before, after = trained(alone), trained(together)
    assert after >= before + 0.08, (before, after)
    seconds = race({"training": lambda: trained(together)}, rounds=3, warmups=0)["training"]
    accuracy = f"accuracy {100 * before:.0f} % -> {100 * after:.0f} %"
    return bound(f"denoising, {2 * epochs * images:,} MAPs, {accuracy}", seconds, 5.0, "bound 5 s")


def against_pracmln() -> list[Claim]:
    """Smokers, text to MAP with the same optimum; nothing where pracmln is not installed."""
    python = pracmln.interpreter()
    if python is None:
        print(pracmln.SKIPPED)
        return []
    results = []
    for people in (20, 50, 100):
        evidence = smokers(people)
        theirs = pracmln.best_of(python, SMOKERS, evidence, rounds=1)
        found = imle_mln.map(SMOKERS, evidence)
        same = found.problem.evaluator()(theirs.state(found.atoms)[None])
        weights = found.problem.grounding.formulas.weights
        assert np.isclose(float((same.counts @ weights)[0]), found.score, rtol=1e-6), (people, found.score)
        ours = race({"ours": lambda text=evidence: imle_mln.map(SMOKERS, text)}, rounds=5)["ours"]
        results.append(Claim(f"smokers, {people} people, text to MAP, vs pracmln", ours, theirs.seconds, target=100))
    return results


def claims() -> list[Claim]:
    torch.manual_seed(0)
    return [
        *grounding(),
        *from_text(),
        *all_resolves(),
        cutting_planes(),
        frustrated(),
        layer_overhead("smokers, 100 people, 32 rows", SMOKERS, smokers(100), 32),
        layer_overhead("smokers, 1,000 people, 8 rows", SMOKERS, smokers(1000), 8),
        layer_overhead("Ising 16x16, 32 rows", ISING.format(n=256), grid(16), 32),
        denoising(),
        *against_pracmln(),
    ]
