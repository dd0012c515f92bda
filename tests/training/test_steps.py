import contextlib
import re

import pytest
from eagerly import eagerly

import keras_ae

HOW = ["loop", pytest.param("xla", marks=pytest.mark.slow)]  # "loop": the same blocks of steps


@pytest.mark.parametrize("how", HOW)
def test_the_progress_bar_ends_where_the_data_end(how, images, capsys):
    ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))  # under XLA, 32 steps in one call
    with eagerly() if how == "loop" else contextlib.nullcontext():
        ae.fit(images, batch_size=8, epochs=2, validation_data=images[:10])
        ae.evaluate(images, batch_size=8)
    counts = set(re.findall(r"(\d+)/(\d+)", re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)))
    assert counts == {("1", "2"), ("2", "2"), ("3", "3")}, (
        counts
    )  # "Epoch 1/2", "Epoch 2/2", step 3/3


@pytest.mark.parametrize("how", HOW)
def test_no_progress_bar_with_verbose_0(how, images, capsys):
    ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    with eagerly() if how == "loop" else contextlib.nullcontext():
        ae.fit(images, batch_size=8, verbose=0, validation_data=images[:10])
        ae.evaluate(images, batch_size=8, verbose=0)
    assert capsys.readouterr().out == ""
