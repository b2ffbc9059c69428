"""Phrases by which a response says who wrote it, which would end the blindness of a comparison.

A name alone says nothing: a text about ChatGPT is no confession. What counts is a first person
beside the name of a model or its maker.
"""

import re

# Only the beginning and the end are read: that is where models introduce themselves.
LONGEST_READ = 20_000

_MODELS = (
    r"chat\s?gpt(?:[- ]?\d\w*)?|gpt[- ]?\d\w*|claude|gemini|gemma|llama(?:[- ]?\d)?|mistral"
    r"|mixtral|qwen[\d.]*|tongyi(?: qianwen)?|通义千问|千问|deepseek(?:[- ]\w+)?|深度求索|grok"
    r"|bing chat|copilot|vicuna|olmo|tulu|tülu|phi-\d|command[- ]r|yi-\d+b|kimi|baichuan|百川"
    r"|chatglm|智谱清言|ernie bot|文心一言|internlm|smollm\d?|pythia|open ?assistant"
    r"|nemotron|hunyuan|混元|doubao|豆包"
)
_MAKERS = (
    r"openai|anthropic|google(?: deepmind)?|deepmind|meta(?: ai)?|mistral ai|alibaba(?: cloud)?"
    r"|阿里(?:巴巴|云)\w{0,4}|deepseek|深度求索|xai|microsoft|cohere|moonshot(?: ai)?|月之暗面"
    r"|baidu|百度|zhipu(?: ai)?|智谱\w{0,2}|tencent|腾讯|bytedance|字节跳动"
    r"|lmsys|hugging ?face|nvidia|ibm|ai2|(?:the )?allen institute for ai|tii|stability ai"
)
_KINDS = (
    r"(?:large |big )?(?:language|ai|a\.i\.|ki|sprach)[- ]?(?:language )?"
    r"(?:model|assistant|chatbot|system|modell|assistent)|chatbot|llm|assistant"
)
_MADE = r"(?:made|created|trained|developed|built|designed|released|fine-?tuned|provided)"

_PHRASES = [
    # English
    rf"\b(?:i am|i'm|i’m|my name is|call me)\s+(?:called\s+)?(?:the\s+)?"
    rf"(?:{_MODELS})\b(?!['’]s)",
    rf"\bas\s+(?:an?\s+)?(?:{_MODELS})\s*,\s*(?:i|my)\b",
    rf"\bas\s+(?:an?\s+)?(?:{_KINDS})[^.?!\n]{{0,40}}?\b{_MADE}\s+by\s+(?:{_MAKERS})\b",
    rf"\b(?:i am|i'm|i’m|i was|i’ve been|i've been)\b[^.?!\n]{{0,80}}?"
    rf"\b{_MADE}\s+(?:and \w+ )?by\s+(?:{_MAKERS})\b",
    rf"\b(?:i am|i'm|i’m)\s+(?:an?|the)\s+(?:{_MAKERS})[- ](?:{_KINDS})",
    rf"\b(?:my (?:creators?|makers?|developers?) (?:at|is|are|,)|i was (?:trained|made) at)\s+"
    rf"(?:{_MAKERS})\b",
    # German, French, Spanish, Italian, Portuguese
    rf"\b(?:ich bin|ich heiße|mein name ist)\s+(?:ein\w*\s+)?(?:{_MODELS})\b",
    rf"\bich (?:bin|wurde)\b[^.?!\n]{{0,80}}?\bvon\s+(?:{_MAKERS})\s+"
    r"(?:entwickelt|trainiert|erstellt|geschaffen)",
    rf"\b(?:je suis|je m['’]appelle|mon nom est)\s+(?:une?\s+)?(?:{_MODELS})\b",
    rf"\bje suis\b[^.?!\n]{{0,80}}?\b(?:créé|développé|entraîné|conçu)e?\s+par\s+(?:{_MAKERS})\b",
    rf"\b(?:soy|me llamo|mi nombre es)\s+(?:una?\s+)?(?:{_MODELS})\b",
    rf"\bsoy\b[^.?!\n]{{0,80}}?\b(?:cread|desarrollad|entrenad)[oa]\s+por\s+(?:{_MAKERS})\b",
    rf"\b(?:sono|mi chiamo|il mio nome è)\s+(?:{_MODELS})\b",
    rf"\b(?:eu sou|sou|meu nome é|me chamo)\s+(?:o\s+|a\s+|um\s+)?(?:{_MODELS})\b",
    # Chinese, Japanese, Korean, Russian, Arabic
    rf"我(?:是|叫)(?:由|一个由|一款由)?(?:{_MODELS}|(?:{_MAKERS}).{{0,8}}(?:开发|训练|研发|创建|推出))",
    rf"(?:私|わたし)(?:は|の名前は)\s*(?:{_MODELS}|(?:{_MAKERS})(?:が|に|によって).{{0,12}}(?:開発|訓練|作成))",
    rf"(?:저는|나는|제 이름은)\s*(?:{_MODELS}|"
    rf"(?:{_MAKERS})(?:가|이|에서|에 의해)?\s.{{0,12}}(?:개발|훈련|만든))",
    rf"\b(?:я|меня зовут)\s*[—–-]?\s*(?:{_MODELS})\b",
    rf"\bя\b[^.?!\n]{{0,60}}?\b(?:создан|разработан|обучен)\w*\s+(?:компанией\s+)?(?:{_MAKERS})\b",
    rf"(?:أنا|اسمي)\s+(?:{_MODELS})\b",
]
_FOUND = re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES), re.IGNORECASE)

# "She said: 'I am Claude'" and "> I am Claude" are about somebody; so is a line of a play.
_QUOTED = re.compile(r"[\"“”„«»「『']\s*$|(?:^|\n)\s*>[^\n]*$|(?:^|\n)[^\n.?!]{0,30}:\s*[\"“'*]*$")


def self_identification(text: str) -> str | None:
    """The phrase by which a response names its model or maker; None if it does not.

    Quoted speech does not count. Linear in the text's length, of which it reads the first and the
    last `LONGEST_READ` characters.
    """
    read = text if len(text) <= 2 * LONGEST_READ else text[:LONGEST_READ] + text[-LONGEST_READ:]
    for found in _FOUND.finditer(read):
        if not _QUOTED.search(read[max(found.start() - 80, 0) : found.start()]):
            return " ".join(found[0].split())
    return None
