"""Falcon and its adapter → one checkpoint folder, for servers without adapter support."""

import argparse
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoTokenizer, FalconForCausalLM


def merge(falcon: Path, adapter: Path, output: Path) -> None:
    """Write the merged model, float32, and its tokenizer into `output`."""
    base = FalconForCausalLM.from_pretrained(falcon, dtype=torch.float32)
    PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(output)
    AutoTokenizer.from_pretrained(falcon).save_pretrained(output)


def main() -> None:
    """Merge the model and adapter of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--falcon", type=Path, required=True, metavar="DIR")
    parser.add_argument("--adapter", type=Path, required=True, metavar="DIR")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args()
    merge(arguments.falcon, arguments.adapter, arguments.output)


if __name__ == "__main__":
    main()
