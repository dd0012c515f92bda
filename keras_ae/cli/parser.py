"""The command line: what it takes, and how it ends. The commands are in the files beside this one."""

import argparse
import sys

from keras_ae.cli import catalogue, pictures, training


def main(arguments=None):
    """Runs one command. Returns the exit code: 0, 1 where `verify` finds a difference, 2 for a user's mistake."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (ValueError, OSError, ImportError) as error:
        print(f"keras-ae: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("keras-ae: interrupted", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="keras-ae", description="Autoencoders and pretrained weights for Keras 3."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name, run, text, example):
        sub = commands.add_parser(
            name, help=text, description=text, epilog=f"example: keras-ae {name} {example}"
        )
        sub.set_defaults(run=run)
        return sub

    for group in (catalogue, pictures, training):
        group.add_commands(command)
    return parser
