"""Which models are of one origin, told from their names: whom would a judge call its own?

Source of the question: Panickssery, Bowman and Feng (2024), LLM evaluators recognize and favor
their own generations, NeurIPS 37.
"""

import re

_ORIGINS = (
    ("openai", r"gpt-?\d|chatgpt|gpt\b|davinci|curie|babbage|\bo[134](?:-|\b)|openai"),
    ("anthropic", r"claude|anthropic"),
    ("google", r"gemini|gemma|palm|bard|t5|google"),
    ("meta", r"llama|\bopt-|galactica|meta-ai"),
    ("mistral", r"mistral|mixtral|ministral|codestral"),
    ("alibaba", r"qwen|qwq|tongyi"),
    ("deepseek", r"deepseek"),
    ("xai", r"grok"),
    ("cohere", r"command|aya\b|c4ai|cohere"),
    ("ai2", r"olmo|tulu|tülu|allenai"),
    ("microsoft", r"\bphi-?\d|wizardlm|orca|microsoft"),
    ("tii", r"falcon"),
    ("zhipu", r"glm|zhipu"),
    ("moonshot", r"kimi|moonshot"),
    ("huggingface", r"smollm|zephyr|starchat|starcoder"),
    ("eleutherai", r"pythia|gpt-?j|gpt-?neo"),
    ("nomic", r"gpt4all"),
    ("databricks", r"dolly|dbrx|mpt"),
)
# Names that hold another's: GPT-J is EleutherAI's, DeepSeek-R1-Distill-Llama is DeepSeek's.
_FIRST = ("eleutherai", "deepseek", "nomic")
_PATTERNS = [
    (family, re.compile(pattern))
    for family, pattern in sorted(_ORIGINS, key=lambda each: each[0] not in _FIRST)
]
_SIZE = re.compile(
    r"[-_ .]?v?\d[\w.]*"
    r"|[-_ ](?:large|small|medium|mini|chat|instruct|base|it|sft|dpo|rlhf|hf)\b"
)


def family_of(model: str) -> str:
    """The origin of a model by its name, lower case; "" for none.

    A name that is not known is its own family, less its maker's folder, size and version:
    "acme/foo-7b-chat" is "foo".
    """
    name = model.strip().casefold()
    for family, pattern in _PATTERNS:
        if pattern.search(name):
            return family
    own = name.rsplit("/", 1)[-1]
    return (_SIZE.sub("", own).strip(" -_.") or own)[:60]
