import re

from eagerly import eagerly

import keras_ae


def test_the_progress_bar_ends_where_the_data_end(images, capsys):
    ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))  # under XLA, 32 steps per execution
    with eagerly():
        ae.fit(images, batch_size=8, epochs=2, validation_data=images[:10])
        ae.evaluate(images, batch_size=8)
    counts = set(re.findall(r"(\d+)/(\d+)", re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)))
    assert counts == {("1", "2"), ("2", "2"), ("3", "3")}, (
        counts
    )  # "Epoch 1/2", "Epoch 2/2", step 3/3


def test_no_progress_bar_with_verbose_0(images, capsys):
    ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    with eagerly():
        ae.fit(images, batch_size=8, verbose=0, validation_data=images[:10])
        ae.evaluate(images, batch_size=8, verbose=0)
    assert capsys.readouterr().out == ""
