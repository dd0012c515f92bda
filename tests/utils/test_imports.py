import gc
import os
import subprocess
import sys

import pytest

from keras_ae.utils import imports


def test_the_collector_stops_inside_and_runs_afterwards():
    with pytest.raises(ValueError, match="inside"), imports.fast():
        assert not gc.isenabled()
        raise ValueError("inside")
    assert gc.isenabled()


def test_a_collector_that_the_user_stopped_stays_stopped():
    gc.disable()
    try:
        with imports.fast():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_nothing_is_frozen_if_tensorflow_was_imported_before():
    frozen = gc.get_freeze_count()
    with imports.fast():
        pass
    assert gc.get_freeze_count() == frozen


@pytest.mark.slow
def test_a_fresh_process_freezes_what_it_imports():
    code = "import gc, keras_ae; assert not gc.get_freeze_count(); keras_ae.VAE"
    code += "; assert gc.isenabled(); print(gc.get_freeze_count())"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert int(done.stdout) > 100_000


def test_importing_keras_ae_imports_nothing_heavy():
    code = "import sys, keras_ae; keras_ae.list_models()"
    code += "; heavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn', 'scipy', 'PIL'}"
    code += "; assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
