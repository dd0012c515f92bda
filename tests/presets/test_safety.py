import pytest

from keras_ae.presets.checks import reading


def test_a_file_over_the_limit_is_refused(tmp_path):
    (tmp_path / "config.json").write_bytes(b"{}" + b" " * 9)
    assert len(reading.read(tmp_path, "config.json", limit=11)) == 11
    with pytest.raises(ValueError, match="at most 10 bytes. Received: 11 bytes"):
        reading.read(tmp_path, "config.json", limit=10)
