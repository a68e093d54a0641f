"""Statistics, tables and figures of stored results."""

import sys

import numpy as np
import pytest

from minigrad import cli
from minigrad_book.tools.experiments import catalogue, named, report, store
from minigrad_book.tools.experiments.reporting import count, figure, table
from minigrad_book.tools.experiments.reports import grid, paired, rates, steps, weight_decay
from minigrad_book.tools.experiments.reports.shared import accuracies, chosen, first_reduction
from minigrad_book.tools.tables import markdown

pytest.importorskip("statsmodels")


def outcome(config, seed, shift):
    """A plausible outcome with accuracies that are easy to recognise."""
    rng = np.random.default_rng(seed)
    accuracy = (0.4 + shift + 0.001 * np.arange(config.epochs) + rng.normal(0, 1e-4, config.epochs)).tolist()
    ones = [1.0] * config.epochs
    history = {"loss": ones, "accuracy": accuracy, "val_loss": ones, "val_accuracy": accuracy, "lr": ones}
    history |= {"seconds": ones}
    if config.record_steps:
        history |= {"step_loss": [2.0] * config.steps, "step_lr": [1e-3] * config.steps}
    rates = {"all": [[0.1, 0.2, 0.3, 0.4, 0.5]] * config.epochs} if config.record_rates else None
    return {
        "history": history,
        "effective_rates": rates,
        "best_epoch": config.epochs,
        "test_accuracy": {
            "best": 0.52 + shift,
            "last": 0.5 + shift + 0.001 * seed,
            "tail": [0.51 + shift] * min(5, config.epochs),
        },
        "diverged": None,
        "data": {"name": config.data, "sha256": "0", "what": "made up"},
        "code_sha256": "0",
        "versions": {},
        "machine": {"cpu": "none", "cores": 0},
        "threads": 1,
        "seconds": 1.0,
    }


def diverging(config, seed, steps=0):
    """The outcome of a run whose loss became NaN in its first epoch, after so many updates."""
    made = outcome(config, seed, 0.0)
    made["history"] = {column: [] for column in made["history"]}
    if config.record_steps:
        made["history"] |= {"step_loss": [2.3] * steps, "step_lr": [1e-3] * steps}
    return made | {
        "effective_rates": {} if config.record_rates else None,
        "best_epoch": None,
        "test_accuracy": {"best": 0.1, "last": 0.1, "tail": []},
        "diverged": "the training loss is nan",
    }


EVERY = [  # every experiment; reports of many arms take seconds
    pytest.param(name, marks=pytest.mark.slow) if len(experiment.arms) >= 9 else name
    for name, experiment in catalogue().items()
]
FIGURES = {
    "first-look": {"curves"},
    "article-1": {"curves", "differences"},
    "article-2": {"curves", "differences"},
    "grid": {"heat-map"},
    "first-steps": {"losses"},
    "weight-decay": {"strengths"},
    "effective-rates": {"percentiles"},
    "own-decay": {"percentiles"},
    "budgets": {"budgets"},
}


def lay_out(experiment, out):
    """Draw the experiment's figures as for a file, which isn't written."""
    plt = pytest.importorskip("matplotlib.pyplot")
    for draw in experiment.report.figures(experiment, store.scan(experiment, out)).values():
        fig, _ = draw()
        fig.draw_without_rendering()
        plt.close(fig)


@pytest.mark.parametrize("name", EVERY)
def test_every_experiment_has_its_table_and_its_figures(name, tmp_path):
    """With five seeds at most; each arm is one hundredth better than the one before."""
    pytest.importorskip("matplotlib")
    experiment = named(name)
    seeds = experiment.seeds[:5]
    for i, (arm, config) in enumerate(experiment.arms.items()):
        for seed in seeds:
            store.save(tmp_path, experiment, arm, seed, outcome(config, seed, 0.01 * i))
    text = report(name, out=tmp_path, figures=tmp_path / "figures")
    arms = len(experiment.arms)
    assert f"{arms * len(seeds)} of {arms * len(experiment.seeds)} runs" in text
    assert "made up" in text
    drawn = list((tmp_path / "figures").iterdir())
    names = set(experiment.report.figures(experiment, store.scan(experiment, tmp_path)))
    assert names == FIGURES.get(experiment.name, {"rates", "mean-rates"})
    assert {path.name for path in drawn} == {f"{experiment.name}-{name}.svg" for name in names} != set()
    assert all(path.read_text().startswith("<svg") for path in drawn)


@pytest.mark.parametrize("name", EVERY)
def test_a_part_of_the_runs_is_reported_as_a_part(name, tmp_path):
    experiment = named(name)
    arm, config = next(iter(experiment.arms.items()))
    store.save(tmp_path, experiment, arm, experiment.seeds[0], outcome(config, experiment.seeds[0], 0.0))
    assert f"1 of {len(experiment.arms) * len(experiment.seeds)} runs" in report(name, out=tmp_path)
    lay_out(experiment, tmp_path)


def test_the_articles_table_compares_pairs(tmp_path):
    experiment = named("article-1")
    for arm, shift in (("constant", 0.0), ("plateau", 0.013)):
        for seed in experiment.seeds:
            store.save(tmp_path, experiment, arm, seed, outcome(experiment.arms[arm], seed, shift))
    text = report("article-1", out=tmp_path)
    found = store.scan(experiment, tmp_path)
    (first, _) = paired.differences(experiment, found).rows
    assert first[:3] == ["plateau − constant, last epoch, points", "5", "+1.30"]
    assert first[-1] == "shown: higher"
    assert "At the last epoch: decay is better than none (5 pairs)." in text
    header, (constant, plateau) = experiment.report.tables(experiment, found)["Accuracies"]
    assert header[-1] == "article"
    assert constant[2] == f"{0.502:.4f} ± {np.std([0, 1e-3, 2e-3, 3e-3, 4e-3], ddof=1):.4f}"
    assert (constant[-1], plateau[-1]) == ("0.5476", "0.5617")


def test_a_page_gets_a_table_and_a_figure_by_name():
    pytest.importorskip("matplotlib")
    assert table("article-1", "Differences").head[0] == "difference"
    assert figure("first-look", "curves")[1].startswith("Learning curves of first-look")
    with pytest.raises(ValueError, match="has no table 'Difference'; it has 'Accuracies', 'Differences'"):
        table("article-1", "Difference")
    with pytest.raises(ValueError, match="has no figure 'curve'; it has 'curves'"):
        figure("first-look", "curve")


def test_only_complete_pairs_are_compared(tmp_path):
    experiment = named("article-1")
    for arm, seed in (("constant", 0), ("constant", 1), ("plateau", 1), ("plateau", 2)):
        store.save(tmp_path, experiment, arm, seed, outcome(experiment.arms[arm], seed, 0.0))
    assert store.scan(experiment, tmp_path).seeds("constant", "plateau") == [1]
    assert "1 pair: nothing can be said about chance" in report("article-1", out=tmp_path)


def test_strengths_are_chosen_by_validation_not_by_test(tmp_path):
    experiment = named("weight-decay")
    for arm, validation, test in (("adamw-0.01-cosine", 0.5, 0.9), ("adamw-0.1-cosine", 0.6, 0.1)):
        made = outcome(experiment.arms[arm], 0, 0.0)
        made["history"]["val_accuracy"][-1] = validation
        made["test_accuracy"]["last"] = test
        store.save(tmp_path, experiment, arm, 0, made)
    found = store.scan(experiment, tmp_path)
    assert chosen(found, experiment.arms) == "adamw-0.1-cosine"
    assert weight_decay.chosen_strengths(experiment, found).rows == [["AdamW", "cosine", "0.1", "1", "0.1000"]]


def test_the_grid_shows_what_is_missing(tmp_path):
    experiment = named("grid")
    store.save(tmp_path, experiment, "cosine-0.001", 0, outcome(experiment.arms["cosine-0.001"], 0, 0.0))
    head, rows = grid.by_cell(experiment, store.scan(experiment, tmp_path))
    assert rows[3] == ["cosine", "–", "–", "0.5000", "–", "–"]
    lines = markdown(head, rows).splitlines()
    assert len({len(line) for line in lines}) == 1, "aligned, for a terminal"
    assert len(lines) == 2 + len(rows)


def test_without_results_the_error_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="`minigrad experiment run grid --quick` first"):
        report("grid", quick=True, out=tmp_path)


def test_unreadable_results_are_named(tmp_path):
    experiment = named("first-look")
    store.save(tmp_path, experiment, "adam", 0, outcome(experiment.arms["adam"], 0, 0.0))
    (tmp_path / "first-look" / "adam-seed1.json").write_text("{")
    assert "adam-seed1.json is not readable as JSON" in report("first-look", out=tmp_path)


@pytest.mark.parametrize(("rates", "epoch"), [([1, 1, 0.1, 0.1], 2), ([1, 1], None), ([], None), ([1, 0.1, 0.01], 1)])
def test_the_first_reduction_is_after_the_last_epoch_at_the_first_rate(rates, epoch):
    assert first_reduction({"history": {"lr": rates}}) == epoch


def test_the_first_updates_are_compared_by_pairs(tmp_path):
    experiment = named("first-steps")
    for seed in (0, 1, 2):
        for arm, shift in (("corrected", 0.0), ("uncorrected", 0.5)):
            made = outcome(experiment.arms[arm], seed, 0.0)
            made["history"]["step_loss"] = [2.0 + seed + shift * (step >= 100) for step in range(200)]
            store.save(tmp_path, experiment, arm, seed, made)
    rows = steps.differences(experiment, store.scan(experiment, tmp_path)).rows
    assert [row[1:3] + row[-1:] for row in rows] == [["3", "+0.0000", "undecided"], ["3", "+0.5000", "shown: higher"]]


def test_runs_on_different_data_are_not_compared(tmp_path):
    experiment = named("article-1")
    for arm, digest in (("constant", "0"), ("plateau", "1")):
        made = outcome(experiment.arms[arm], 0, 0.0)
        made["data"] = {"name": "cifar10", "sha256": digest, "what": f"data {digest}"}
        store.save(tmp_path, experiment, arm, 0, made)
    with pytest.raises(ValueError, match=r"different data.*constant, seed 0: data 0.*plateau, seed 0: data 1"):
        report("article-1", out=tmp_path)


def test_strengths_are_chosen_over_the_seeds_that_all_have(tmp_path):
    experiment = named("weight-decay")
    for arm, accuracies_by_seed in (("adamw-0.01-cosine", [0.5, 0.5]), ("adamw-0.1-cosine", [0.49, 0.49, 0.9])):
        for seed, validation in enumerate(accuracies_by_seed):
            made = outcome(experiment.arms[arm], seed, 0.0)
            made["history"]["val_accuracy"][-1] = validation
            store.save(tmp_path, experiment, arm, seed, made)
    found = store.scan(experiment, tmp_path)
    assert chosen(found, experiment.arms) == "adamw-0.01-cosine"
    store.save(tmp_path, experiment, "adamw-1-cosine", 3, outcome(experiment.arms["adamw-1-cosine"], 3, 0.0))
    assert chosen(store.scan(experiment, tmp_path), experiment.arms) is None


def test_the_chosen_strengths_are_compared_by_pairs(tmp_path):
    experiment = named("weight-decay")
    gains = {"adam-0.001-constant": 0.0, "adamw-0.1-constant": 0.0, "adam-0.001-cosine": 0.01, "adamw-0.1-cosine": 0.03}
    for arm, config in experiment.arms.items():
        for seed in experiment.seeds:
            made = outcome(config, seed, gains.get(arm, 0.0))
            made["history"]["val_accuracy"][-1] = 0.6 if arm in gains else 0.5
            made["test_accuracy"]["last"] += 0 if arm in gains else 0.2  # what the choice mustn't look at
            store.save(tmp_path, experiment, arm, seed, made)
    found = store.scan(experiment, tmp_path)
    _, rows = weight_decay.differences(experiment, found)
    assert [[row[0], row[1], row[2], row[-1]] for row in rows] == [
        ["AdamW − (Adam + L2), constant, points", "3", "+0.00", "no difference that matters"],
        ["AdamW − (Adam + L2), cosine, points", "3", "+2.00", "shown: higher"],
        ["cosine − constant, Adam + L2, points", "3", "+1.00", "shown: higher"],
        ["cosine − constant, AdamW, points", "3", "+3.00", "shown: higher"],
    ]
    assert "| cosine − constant, AdamW, points" in report("weight-decay", out=tmp_path)


def test_the_grids_bold_is_what_holms_method_shows(tmp_path):
    """Both gains are below 5 % by themselves; of 25 comparisons only the first is shown."""
    experiment = named("grid")
    gains = {"plateau": [0.01, 0.0101, 0.0102], "cosine": [0.01, 0.013, 0.016]}
    for schedule, values in gains.items():
        for seed, gain in enumerate(values):
            for name, shift in (("constant", 0.0), (schedule, gain)):
                arm = f"{name}-0.001"
                store.save(tmp_path, experiment, arm, seed, outcome(experiment.arms[arm], seed, shift))
    found = store.scan(experiment, tmp_path)
    cells = {row[0]: row[3] for row in grid.over_constant(experiment, found).rows}
    assert (cells["plateau"], cells["cosine"]) == ("**+1.0**", "+1.3")
    compared = grid.gains_over_constant(experiment, found)
    assert len(compared) == 25
    assert compared["cosine-0.001"].difference.p < 0.05 < compared["cosine-0.001"].p


def test_diverged_runs_are_counted_and_marked(tmp_path):
    experiment = named("article-1")
    for arm in experiment.arms:
        for seed in (0, 1):
            diverges = (arm, seed) == ("constant", 1)
            made = (diverging if diverges else outcome)(experiment.arms[arm], seed, 0)
            store.save(tmp_path, experiment, arm, seed, made)
    found = store.scan(experiment, tmp_path)
    header, rows = accuracies(experiment, found)
    assert [row[header.index("diverged")] for row in rows] == ["1", "0"]
    assert "; 1 diverged" in count(experiment, found)
    assert paired.differences(experiment, found).rows[0][0] == "plateau − constant, last epoch, points (1 diverged)"
    plt = pytest.importorskip("matplotlib.pyplot")
    fig, alt = paired.learning_curves(experiment, found)
    plt.close(fig)
    assert "constant (1 diverged) ends at" in alt


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("all_of_them", [False, True])
def test_diverged_runs_break_no_report(name, all_of_them, tmp_path):
    experiment = named(name)
    for i, (arm, config) in enumerate(experiment.arms.items()):
        for seed in (0, 1):
            diverges = all_of_them or (seed == 0 and i % 2 == 0)
            made = diverging(config, seed, steps=30) if diverges else outcome(config, seed, 0.0)
            store.save(tmp_path, experiment, arm, seed, made)
    assert "diverged" in report(name, out=tmp_path)
    lay_out(experiment, tmp_path)


def test_first_updates_are_compared_where_both_made_them(tmp_path):
    experiment = named("first-steps")
    for arm in ("corrected", "uncorrected"):
        for seed in (0, 1, 2):
            stops = arm == "uncorrected" and seed == 0
            made = diverging(experiment.arms[arm], seed, 150) if stops else outcome(experiment.arms[arm], seed, 0.0)
            store.save(tmp_path, experiment, arm, seed, made)
    rows = steps.differences(experiment, store.scan(experiment, tmp_path)).rows
    assert [row[1] for row in rows] == ["3", "2"]


def test_effective_rates_are_those_of_a_run_that_has_them(tmp_path):
    experiment = named("effective-rates")
    config = experiment.arms["constant"]
    store.save(tmp_path, experiment, "constant", 0, diverging(config, 0))
    store.save(tmp_path, experiment, "constant", 1, outcome(config, 1, 0.0))
    found = store.scan(experiment, tmp_path)
    assert [row[:3] for row in rates.percentiles(experiment, found).rows] == [
        ["constant", epoch, "0.1"] for epoch in ("1", "10", "20")
    ]


def test_the_curves_names_are_in_the_order_of_their_ends(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    experiment = named("article-2")
    for arm, shift in (("constant", 0.001), ("plateau", 0.0)):
        store.save(tmp_path, experiment, arm, 0, outcome(experiment.arms[arm], 0, shift))
    fig, _ = paired.learning_curves(experiment, store.scan(experiment, tmp_path))
    names = {text.get_text(): text.xyann[1] for text in fig.axes[0].texts}
    plt.close(fig)
    assert names["constant"] > names["plateau"]


@pytest.fixture
def first_look(tmp_path, monkeypatch):
    """In an empty current folder, results of first-look only."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "BOOK", tmp_path / "no checkout")
    experiment = named("first-look")
    store.save(tmp_path / "results", experiment, "adam", 0, outcome(experiment.arms["adam"], 0, 0.0))
    return tmp_path


@pytest.mark.parametrize(("options", "folder"), [([], "figures"), (["--figures", "elsewhere"], "elsewhere")])
def test_the_report_draws_and_prints_the_path(options, folder, first_look, capsys):
    assert cli.main(["experiment", "report", "first-look", *options]) == 0
    assert f"drawn: {folder}/first-look-curves.svg" in capsys.readouterr().out
    assert (first_look / folder / "first-look-curves.svg").read_text().startswith("<svg")


def test_a_report_of_all_goes_on_and_names_what_is_missing(first_look, capsys):
    experiment = named("effective-rates")
    store.save(first_look / "results", experiment, "cosine", 0, outcome(experiment.arms["cosine"], 0, 0.0))
    assert cli.main(["experiment", "report", "all"]) == 1
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.startswith("# ")] == [
        f"# {name}: {catalogue()[name].question}" for name in ("first-look", "effective-rates")
    ]
    missing = catalogue().keys() - {"first-look", "effective-rates"}
    assert len(told.err.splitlines()) == len(missing)
    assert all(f"no finished run of {name}" in told.err for name in missing)


def test_without_matplotlib_the_error_names_the_extra(first_look, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert cli.main(["experiment", "report", "first-look"]) == 1
    assert 'pip install "minigrad-book[experiments]"' in capsys.readouterr().err
