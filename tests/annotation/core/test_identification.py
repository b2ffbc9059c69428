import time

import pytest

from annotation.core.identification import self_identification

CONFESSIONS = [
    "I am ChatGPT, a large language model trained by OpenAI.",
    "I'm Claude, made by Anthropic.",
    "I’m Claude. How can I help?",
    "Hello! I'm Qwen, created by Alibaba Cloud.",
    "As a language model trained by OpenAI, I cannot do that.",
    "As an AI language model developed by Google, I have no opinions.",
    "As ChatGPT, I don't have feelings.",
    "My name is Gemini.",
    "You can call me Grok.",
    "I was developed by Mistral AI.",
    "I am a large language model, trained by Google.",
    "I'm an AI assistant created and maintained by Anthropic.",
    "I am a helpful assistant named Assistant, built by Meta AI to help.",
    "i am deepseek-v3",
    "I'm an OpenAI language model.",
    "My creators at Anthropic asked me to be honest.",
    "Sure.\n\nI am Llama 3, and I can help.",
    "**I am GPT-4**, so yes.",
    "Ich bin ChatGPT und helfe gern.",
    "Ich wurde von OpenAI entwickelt.",
    "Je suis Claude, votre assistant.",
    "Je suis un modèle de langage développé par Mistral AI.",
    "Soy ChatGPT, un modelo de lenguaje.",
    "Soy un modelo entrenado por Google.",
    "Sono Claude.",
    "Eu sou o ChatGPT.",
    "我是通义千问。",
    "我是由阿里云开发的语言模型。",
    "我是DeepSeek。",
    "私はChatGPTです。",
    "私はOpenAIによって開発された言語モデルです。",
    "저는 ChatGPT입니다.",
    "Я — ChatGPT.",
    "Я языковая модель, созданная компанией OpenAI.",
    "أنا ChatGPT",
]

INNOCENT = [
    "",
    "ChatGPT is a chatbot that OpenAI released in 2022.",
    "Claude Monet painted water lilies. Claude was born in Paris.",
    "Is it true that Gemini was trained by Google?",
    "Use ChatGPT or Claude as a writing aid.",
    "As ChatGPT became popular, schools took notice.",
    "GPT-4 was made by OpenAI; Llama was made by Meta.",
    "As an AI, I do not have feelings.",
    "As a language model, I cannot see pictures.",
    "I am a Gemini, born in June.",
    "I am a llama and I live in Peru.",
    "This is DeepSeek's first paper.",
    "I am not sure. Google was made by two students.",
    "I am going to tell you about phones. They are made by Google.",
    'She typed "I am ChatGPT" and laughed.',
    "The bot answered: “I am Claude, made by Anthropic.”",
    "> I am ChatGPT\n\nThis reply is quoted from a chat.",
    "ASSISTANT: I am Claude",
    "I'm a fan of Claude Shannon.",
    "I am using ChatGPT to learn.",
    "I was told that ChatGPT knows.",
    "This is Claude's house.",
    "The llama is an animal of the Andes. I am fond of it.",
    "ChatGPT ist ein Programm, das von OpenAI entwickelt wurde.",
    "ChatGPT es un modelo creado por OpenAI.",
    "通义千问是阿里云开发的语言模型。",
    "ChatGPTはOpenAIが開発した。",
    "ChatGPT — это модель, созданная компанией OpenAI.",
]


@pytest.mark.parametrize("text", CONFESSIONS)
def test_a_response_that_says_who_it_is(text: str) -> None:
    assert self_identification(text)
    assert self_identification(f"The answer is 4.\n\n{text} " + "More words. " * 5000)


@pytest.mark.parametrize("text", INNOCENT)
def test_a_response_about_others_or_nobody(text: str) -> None:
    assert self_identification(text) is None


def test_the_phrase_is_given_on_one_line() -> None:
    assert self_identification("Well, I am\n ChatGPT, so") == "I am ChatGPT"


@pytest.mark.parametrize("unit", ["I am ", "As an AI language model ", "i was x ", "我是", "a: "])
def test_time_is_linear(unit: str) -> None:
    began = time.process_time()
    assert self_identification(unit * (200_000 // len(unit))) is None
    assert time.process_time() - began < 2
