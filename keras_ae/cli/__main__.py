"""python -m keras_ae.cli"""

import sys

from keras_ae.cli import main

sys.exit(main())
