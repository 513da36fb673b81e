"""The process behind `python_model.Worker`. What a model prints goes to stderr; stdout carries answers only."""

import os
import sys

from freehold.delivery.python_model import serve

if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
