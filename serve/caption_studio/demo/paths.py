"""The paths of the shipped demo models. Nothing is read or created here."""

from caption_studio.settings import EMBEDDED_MODELS_DIR

MODELS_DIR = EMBEDDED_MODELS_DIR
"""The folder with the trained models and their `MODEL_CARD.md`, shipped inside the package."""

GIT_NAME = "git-demo"
FALCON_NAME = "falcon-demo"
LIVELY_ADAPTER_NAME = "caption-demo"
PLAIN_ADAPTER_NAME = "caption-demo-plain"
ADAPTER_NAMES = (LIVELY_ADAPTER_NAME, PLAIN_ADAPTER_NAME)
