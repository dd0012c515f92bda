"""The command line: which arguments it takes, and how it ends.

The commands are in the files beside this one.
"""

import argparse
import difflib
import os
import re
import sys

from keras_ae.cli import (
    catalogue,
    detecting,
    diagnosing,
    exporting,
    imputing,
    measuring,
    pictures,
    plotting,
    synthesizing,
    training,
)

GROUPS = (
    catalogue,
    pictures,
    plotting,
    detecting,
    imputing,
    synthesizing,
    measuring,
    diagnosing,
    exporting,
    training,
)
ERRNO = re.compile(r"\[Errno -?\d+\] ")


def main(arguments=None):
    """Runs one command.

    Args:
        arguments: list of str; None: the arguments of the command line.

    Returns:
        int, the exit code: 0; 1 if `verify` finds a difference; 2 for a mistake of the user; 130
        after Ctrl-C.
    """
    parser = _parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        parser.print_help()
        return 0
    options = parser.parse_args(arguments)
    try:
        code = options.run(options) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ImportError) as error:
        print(f"keras-ae: {_message(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("keras-ae: interrupted", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where the help is."""

    def error(self, message):
        found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if found:
            known = re.findall(r"[\w-]+", found[2])
            near = difflib.get_close_matches(found[1], known, n=2)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            message = f"Expected one of {', '.join(known)}. Received: {found[1]!r}.{hint}"
        else:
            message = message[:1].upper() + message[1:] + "."
        self.exit(2, f"keras-ae: {message} Help: {self.prog} --help\n")


def _parser():
    import keras_ae

    parser = _Parser(
        prog="keras-ae",
        description="Autoencoders and pretrained weights for Keras 3.",
        epilog="Begin with: keras-ae list. Each command has its own help: keras-ae sample --help",
    )
    parser.add_argument("--version", action="version", version=f"keras-ae {keras_ae.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name, run, text, example):
        epilog = f"example: keras-ae {name} {example}".rstrip()
        sub = commands.add_parser(name, help=text, description=text, epilog=epilog)
        sub.set_defaults(run=run)
        return sub

    for group in GROUPS:
        group.add_commands(command)
    return parser


def _message(error):
    """What an exception says, in one line, without the system's number."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.strerror}: {str(error.filename)!r}"
    return ERRNO.sub("", " ".join(text.split())) or type(error).__name__
