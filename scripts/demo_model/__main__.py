"""`python scripts/demo_model VERB`: corpus, train, gguf, eval."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

if not __package__:  # run by its folder: what it imports begins at the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts.demo_model import recipe


def main(argv: list[str]) -> None:
    args = parse(argv)
    {"corpus": corpus, "train": train, "gguf": gguf, "eval": evaluate}[args.verb](args)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo_model", description="Makes the embedded demo model from nothing.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    show = verbs.add_parser("corpus", help="show a few chats of the corpus, or all its pairs")
    show.add_argument("--pairs", action="store_true", help="every pair as a JSON line, in order")
    fit = verbs.add_parser("train", help="train the model: about 20 minutes on two cores")
    fit.add_argument("--out", type=Path, default=Path("demo-model"))
    fit.add_argument("--steps", type=positive, default=recipe.STEPS, help=f"default {recipe.STEPS}, as shipped")
    fit.add_argument("--minutes", type=positive, help="end by the clock instead; not reproducible")
    fit.add_argument("--threads", type=positive, default=2)
    fit.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    export = verbs.add_parser("gguf", help="write the trained model as GGUF, with its model.json")
    export.add_argument("--out", type=Path, default=Path("demo-model"))
    measure = verbs.add_parser("eval", help="ask a served model every held-out question")
    measure.add_argument("--url", type=address, required=True, help="root of an OpenAI-compatible endpoint")
    measure.add_argument("--key-file", type=Path)
    measure.add_argument("--model", default="demo", help="served name (default: demo)")
    measure.add_argument("--concurrency", type=positive, default=1)
    measure.add_argument("--engine", default="", help="name and version of the engine, for --write")
    measure.add_argument("--write", type=Path, metavar="MODEL_JSON", help="put the accuracy into this file")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return text


def corpus(args: argparse.Namespace) -> None:
    from scripts.demo_model.chats import Chats, render
    from scripts.demo_model.corpus import pairs
    from scripts.demo_model.facts import load_facts

    facts = load_facts()
    every = pairs(facts)
    if args.pairs:
        for pair in every:
            print(json.dumps(asdict(pair)))
        return
    for chat in islice(Chats(facts, recipe.CHATS_SEED), 5):
        print(render(chat))
    print(f"{len(every)} pairs, {sum(pair.held_out for pair in every)} of them held out")


def train(args: argparse.Namespace) -> None:
    from scripts.demo_model.schedule import by_minutes, by_steps
    from scripts.demo_model.train import train

    progress = by_minutes(args.minutes) if args.minutes else by_steps(args.steps)
    print(train(args.out, progress, args.threads, args.bf16))


def gguf(args: argparse.Namespace) -> None:
    from scripts.demo_model import describe
    from scripts.demo_model.gguf_export import export

    path = export(args.out)
    describe.write(args.out / describe.FILE_NAME, describe.describe(path, args.out / "train.json"))
    print(f"{path}: {path.stat().st_size} bytes")


def evaluate(args: argparse.Namespace) -> None:
    from scripts.demo_model import describe
    from scripts.demo_model.ask import Endpoint
    from scripts.demo_model.corpus import pairs
    from scripts.demo_model.evaluate import as_json, evaluate, lines
    from scripts.demo_model.facts import load_facts

    endpoint = Endpoint(args.url, args.model, args.key_file)
    held_out = [pair for pair in pairs(load_facts()) if pair.held_out]
    scores = evaluate(endpoint.ask, held_out, args.concurrency)
    print("\n".join(lines(scores)))
    if args.write:
        description = json.loads(args.write.read_text(encoding="utf-8"))
        description["accuracy"] = as_json(scores, args.engine, args.concurrency)
        describe.write(args.write, description)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"error: {error}")
