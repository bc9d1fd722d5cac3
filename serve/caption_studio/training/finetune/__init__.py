"""Data set → a LoRA adapter that the service can load, with its model card.

TRL's `SFTTrainer` trains, PEFT makes the adapter, transformers loads the base model, bitsandbytes
quantizes it. Here: what they leave open. `finetune.finetune` is the story on one page.
"""
