"""The training loop: its results, its history, and its state after an interruption."""

import json
import math

import numpy as np
import pytest

from minigrad import data, models, nn, optim, schedules, train
from minigrad.tensor import Tensor
from minigrad.train import History, evaluate, fit


def blobs(count=96, seed=0):
    """Return three clouds of points that a linear model can separate."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    centres = np.array([[0, 3], [3, -2], [-3, -2]])
    return (centres[labels] + rng.normal(size=(count, 2))).astype(np.float32), labels


def run(seed=0, lr=0.05, **options):
    model = models.MLP([2, 8, 3], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    return model, fit(model, optimizer, blobs(), progress=False, **{"epochs": 3, "rng": seed, **options})


def test_fit_learns_and_records_every_epoch():
    _, history = run(epochs=15, validation=blobs(seed=1))
    assert history.val_accuracy[-1] > 0.9 > history.accuracy[0]
    assert history.loss[-1] < history.loss[0]
    assert {len(getattr(history, name)) for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr")} == {15}
    assert all(seconds > 0 for seconds in history.seconds)
    assert len(history) == 15


def test_the_same_seed_gives_the_same_run_bit_for_bit():
    (one, first), (two, second), (_, other) = run(seed=3), run(seed=3), run(seed=4)
    assert first.step_loss == second.step_loss != other.step_loss
    assert all((one.state_dict()[name] == two.state_dict()[name]).all() for name in one.state_dict())


def test_one_epoch_agrees_with_a_hand_written_loop():
    inputs, labels = blobs(40)
    model = nn.Sequential(nn.Linear(2, 3, rng=0))
    weight, bias = model.state_dict().values()
    history = fit(model, optim.SGD(model.parameters(), lr=0.1), (inputs, labels), batch_size=16, rng=7, progress=False)

    losses, hits, sizes = [], 0, []
    order = np.random.default_rng(7).permutation(40)
    for start in (0, 16, 32):
        x, y = inputs[order[start : start + 16]], labels[order[start : start + 16]]
        logits = x @ weight.T + bias
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        losses.append(-np.log(p[np.arange(len(y)), y]).mean())
        hits += (logits.argmax(1) == y).sum()
        sizes.append(len(y))
        gradient = (p - np.eye(3)[y]) / len(y)
        weight, bias = weight - 0.1 * gradient.T @ x, bias - 0.1 * gradient.sum(0)
    assert sizes == [16, 16, 8]
    np.testing.assert_allclose(history.step_loss, losses, rtol=1e-5)
    assert history.loss == pytest.approx([np.average(losses, weights=sizes)], rel=1e-5)
    assert history.accuracy == [hits / 40]
    np.testing.assert_allclose(model.state_dict()["0.weight"], weight, rtol=1e-4, atol=1e-6)


def test_the_recorded_rates_are_the_rates_used():
    used = []
    schedule = schedules.exponential_decay(0.05, decay_steps=4, decay_rate=0.5)
    model = models.MLP([2, 3], rng=0)
    before = {name: value.copy() for name, value in model.state_dict().items()}

    class Watched(optim.SGD):
        def step(self):
            gradients = [p.grad.copy() for p in self.params]
            old = [p.data.copy() for p in self.params]
            super().step()
            moved, g = old[1] - self.params[1].data, gradients[1]
            used.append(float((moved @ g) / (g @ g)))  # the rate that was really used: θ moved by lr·g

    optimizer = Watched(model.parameters(), lr=schedule)
    optimizer.params = list(model.parameters())
    history = fit(model, optimizer, blobs(), epochs=3, rng=0, progress=False)
    assert before.keys() == model.state_dict().keys()
    expected = [0.05 * 0.5 ** (step / 4) for step in range(9)]
    np.testing.assert_allclose(used, expected, rtol=1e-3)
    np.testing.assert_allclose(history.step_lr, expected, rtol=1e-12)
    assert history.lr == history.step_lr[2::3], "an epoch's rate is its last update's"


def test_a_schedule_is_called_once_for_each_update():
    """A schedule may have its own state; the rate that it returns is the rate used and recorded."""
    calls = []

    def halving(step):
        calls.append(step)
        return 0.1 * 0.5 ** len(calls)

    model = models.MLP([2, 3], rng=0)
    history = fit(model, optim.SGD(model.parameters(), lr=halving), blobs(), epochs=3, rng=0, progress=False)
    assert calls == list(range(9))
    assert history.step_lr == [0.1 * 0.5**n for n in range(1, 10)]


def test_a_plateau_gets_the_validation_loss_and_reduces_the_next_epochs_rate():
    model = models.MLP([2, 3], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=1e-9)  # so small that the loss doesn't change
    seen = []

    class Watched(schedules.ReduceLROnPlateau):
        def step(self, metric):
            seen.append(metric)
            return super().step(metric)

    plateau = Watched(optimizer, factor=0.5, patience=2)
    history = fit(model, optimizer, blobs(), blobs(seed=1), epochs=6, plateau=plateau, rng=0, progress=False)
    assert seen == history.val_loss
    # Keras's convention: a flat loss from epoch 0, patience 2, is reduced after epochs 2 and 4
    np.testing.assert_allclose(history.lr, np.array([1, 1, 1, 0.5, 0.5, 0.25]) * 1e-9)


def test_uint8_images_give_the_same_run_as_scaled_floats():
    images = np.random.default_rng(0).integers(0, 256, (50, 1, 4, 4), dtype=np.uint8)
    labels = np.arange(50) % 3

    def losses(inputs):
        model = models.MLP([16, 3], rng=0)
        return fit(model, optim.SGD(model.parameters()), (inputs, labels), rng=0, progress=False).step_loss

    assert losses(images) == losses(images.astype(np.float32) / 255)


def test_evaluate_does_not_depend_on_the_batch_size():
    model, _ = run()
    one, many = evaluate(model, blobs(seed=2)), evaluate(model, blobs(seed=2), batch_size=7)
    assert one == pytest.approx(many)
    logits = model(Tensor(blobs(seed=2)[0])).data
    assert one[1] == (logits.argmax(1) == blobs(seed=2)[1]).mean()


def test_evaluate_switches_dropout_off_and_restores_the_mode():
    model = nn.Sequential(nn.Dropout(0.5, rng=0), nn.Linear(2, 3, rng=0))
    assert evaluate(model, blobs()) == evaluate(model, blobs())
    assert all(module.training for module in model.modules())
    model.eval()
    evaluate(model, blobs())
    assert not model.training


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_keeps_the_finished_epochs(error):
    class Interrupted(optim.SGD):
        count = 0

        def step(self):
            self.count += 1
            if self.count == 8:  # in the third epoch, with 3 steps per epoch
                raise error
            super().step()

    model = models.MLP([2, 3], rng=0)
    with pytest.raises(error) as caught:
        fit(model, Interrupted(model.parameters(), lr=0.1), blobs(), blobs(), epochs=5, rng=0, progress=False)
    assert len(caught.value.history) == 2
    assert len(caught.value.history.val_loss) == 2
    assert len(caught.value.history.step_loss) == 7
    assert "epoch 3" in caught.value.__notes__[0]


def test_a_loss_that_is_not_finite_stops_the_run_before_the_update():
    inputs, labels = blobs()
    model = models.MLP([2, 3], rng=0)
    bad = inputs.copy()
    bad[5] = np.nan
    with pytest.raises(FloatingPointError, match=r"loss is nan in epoch 1, step \d"), np.errstate(all="ignore"):
        fit(model, optim.SGD(model.parameters()), (bad, labels), rng=0, progress=False)
    assert all(np.isfinite(value).all() for value in model.state_dict().values())
    with pytest.raises(FloatingPointError, match="validation loss is nan"), np.errstate(all="ignore"):
        fit(model, optim.SGD(model.parameters()), (inputs, labels), (bad, labels), rng=0, progress=False)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be ≥ 1, got 0"),
        ({"batch_size": -1}, ValueError, "batch_size must be ≥ 1, got -1"),
        ({"plateau": object()}, ValueError, "validation"),
        ({"validation": (np.zeros((2, 2)), np.zeros(3, int))}, ValueError, r"labels \(3,\)"),
    ],
)
def test_bad_options_raise_an_error(change, error, message):
    with pytest.raises(error, match=message):
        run(**change)


def test_labels_out_of_range_raise_an_error():
    inputs, labels = blobs()
    model = models.MLP([2, 2], rng=0)
    with pytest.raises(ValueError, match="label"):
        fit(model, optim.SGD(model.parameters()), (inputs, labels), progress=False)


def test_a_history_is_saved_as_json_bit_for_bit(tmp_path):
    _, history = run(validation=blobs(seed=1))
    history.to_json(tmp_path / "history.json")
    assert History.from_json(tmp_path / "history.json") == history
    assert json.loads((tmp_path / "history.json").read_text())["loss"] == history.loss
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "history.json"
    History(loss=[1.0]).to_json(path)
    with pytest.raises(ValueError):  # NaN isn't JSON
        History(loss=[math.nan]).to_json(path)
    assert History.from_json(path).loss == [1.0]
    assert [p.name for p in tmp_path.iterdir()] == ["history.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"loss": [1]}'])
def test_a_file_that_is_not_a_history_raises_an_error(tmp_path, text):
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(ValueError, match=r"h\.json is not a"):
        History.from_json(tmp_path / "h.json")


@pytest.mark.parametrize("progress", [True, False])
def test_the_progress_bar_shows_the_last_epochs_metrics(capsys, progress):
    model = models.MLP([2, 3], rng=0)
    history = fit(
        model, optim.SGD(model.parameters()), blobs(), blobs(), epochs=2, rng=0, batch_size=32, progress=progress
    )
    shown = capsys.readouterr().err
    last = f"loss {history.loss[-1]:.4f}, accuracy {history.accuracy[-1]:.4f}, val_loss {history.val_loss[-1]:.4f}"
    assert all((part in shown) is progress for part in ("epoch 1/2", "epoch 2/2", "6/6", last))


def test_a_model_learns_the_digits():
    pytest.importorskip("sklearn")
    training, test = data.digits()
    model = models.MLP([64, 32, 10], rng=0)
    train.fit(model, optim.Adam(model.parameters(), lr=3e-3), training, epochs=15, rng=0, progress=False)
    assert evaluate(model, test)[1] > 0.95
