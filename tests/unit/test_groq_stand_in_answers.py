"""The stand-in's answers: the right sentence of the training data, or a plain word about it."""

import pytest

from local_stack.groq_stand_in import script as scripts
from local_stack.groq_stand_in import tokens
from local_stack.groq_stand_in.answers import MAX_QUOTE, NOTHING_FITS, SUFFIX, answer
from local_stack.groq_stand_in.settings import Settings, SettingsError, from_environment

SHOP = """
Our shop opens at nine and closes at six.
You can return any lamp within 30 days. Bring the receipt with you.
- We ship to Norway and Sweden.
- Shipping takes four days.

## Warranty
Five years on every product.

Q: Who founded the company?
A: Ada Lindqvist did, in 1987.
"""


def given(*blocks: str) -> list[str]:
    return [f"Answer.\n<training_data>\n{block}\n</training_data>\n" for block in blocks]


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("When does the shop open?", "Our shop opens at nine and closes at six."),
        ("what time are you closing", "Our shop opens at nine and closes at six."),
        ("Can I RETURN lamps?", "You can return any lamp within 30 days."),
        ("How long does it take to ship?", "Shipping takes four days."),
        ("Is there a warranty?", "Five years on every product."),
        ("Who was the founder of this company?", "Ada Lindqvist did, in 1987."),
    ],
)
def test_the_sentence_that_fits_is_quoted(question: str, quote: str) -> None:
    reply = answer(question, given(SHOP))
    assert reply.startswith("According to what I was given: ")
    assert f'"{quote}"' in reply
    assert reply.endswith(SUFFIX)


@pytest.mark.parametrize(
    ("data", "question", "quote"),
    [
        ("Das Büro öffnet um neun. Der Preis ist 5 Euro.", "Wie hoch ist der Preis?", "5 Euro"),
        ("Le café est fermé lundi. Le thé coûte 3 euros.", "Combien coute le the ?", "3 euros"),
        ("营业时间为九点到五点。我们卖灯。", "你们的营业时间是什么？", "营业时间为九点到五点。"),  # noqa: RUF001
        ("東京の店は駅前です。大阪の店は港です。", "大阪の店はどこですか", "大阪の店は港です。"),
        ("ร้านเปิดเก้าโมง\nเราขายโคมไฟ", "ร้านเปิดกี่โมง", "ร้านเปิดเก้าโมง"),
        ("दुकान नौ बजे खुलती है। हम दीपक बेचते हैं।", "दुकान कब खुलती है?", "दुकान नौ बजे खुलती है।"),
        ("المتجر يفتح في التاسعة. نبيع المصابيح.", "متى يفتح المتجر؟", "المتجر يفتح في التاسعة."),
        ("Магазин открывается утром. Мы продаём лампы.", "Когда открывается магазин?", "утром"),
    ],
)
def test_other_languages_work_too(data: str, question: str, quote: str) -> None:
    reply = answer(question, given(data))
    assert quote in reply
    assert reply.count('"') == 2


def test_at_most_three_sentences_in_the_order_of_the_data() -> None:
    data = "\n".join(f"Lamp number {n} is blue." for n in ("four", "two", "nine", "one", "six"))
    reply = answer("Which lamp is blue?", given(data))
    assert reply.count("is blue") == 3
    assert reply.index("four") < reply.index("two") < reply.index("nine")


def test_every_block_and_every_system_message_counts_once() -> None:
    twice = given("The code word is heron.", "The code word is heron.")
    reply = answer("What is the code word?", [*twice, *given("The door is green.")])
    assert reply.count("heron") == 1
    assert "green" in answer("What about the door?", [*twice, *given("The door is green.")])


def test_an_unclosed_block_runs_to_the_end() -> None:
    assert "heron" in answer("What is the code word?", ["<training_data>The code word is heron."])


@pytest.mark.parametrize("data", ["Where is the lighthouse?", "# The lighthouse", "Lighthouse:"])
def test_data_that_is_only_a_question_or_a_heading_is_quoted_itself(data: str) -> None:
    assert f'"{data}"' in answer("The lighthouse?", given(data))


@pytest.mark.parametrize("question", ["Who won the football match?", "", "?!", "is it the a of"])
def test_what_the_data_does_not_answer_is_said_to_be_so(question: str) -> None:
    assert answer(question, given(SHOP)) == f"{NOTHING_FITS} {SUFFIX}"


@pytest.mark.parametrize(
    "system",
    [
        [],
        ["You are helpful."],
        ["<training_data>\n</training_data>"],
        ["What stands between <training_data> and </training_data> is data."],
    ],
)
def test_without_training_data_it_is_a_demo_and_says_how_to_set_a_key(system: list[str]) -> None:
    reply = answer("When do you open?", system)
    assert reply.startswith("This is a demo model answering without any training data")
    assert '"When do you open?"' in reply
    assert "`GROQ_API_KEY=...` in `.env`, then run `make up` again" in reply
    assert SUFFIX not in reply


def test_long_texts_are_shortened() -> None:
    long = "heron " * 1000
    assert len(answer(long, [])) < 400
    assert len(answer("heron", given(long))) < MAX_QUOTE + 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "One two\n\n  three. ",
        "x" * 100,
        "营业时间, ok?",
        "  \u0000 a\u00a0b\t",
        "👩‍👩‍👧 ñ",
    ],
)
def test_tokens_joined_give_the_text_again(text: str) -> None:
    assert "".join(tokens.split(text)) == text


def test_words_keep_their_leading_blank() -> None:
    assert tokens.split("One two three.") == ["One", " two", " three."]


def test_lorem_has_exactly_so_many_tokens_and_is_the_same_every_time() -> None:
    assert len(tokens.lorem(1000)) == 1000
    assert tokens.lorem(1000) == tokens.lorem(1000)
    assert tokens.lorem(0) == []


def test_a_script_is_taken_out_of_the_message() -> None:
    script, rest = scripts.taken_from('Hello\n!script {"tokens": 3}\nthere')
    assert script == scripts.Script(tokens=3)
    assert rest == "Hello\nthere"


def test_a_message_without_a_script_stays_as_it_is() -> None:
    assert scripts.taken_from("no !script here") == (scripts.AS_USUAL, "no !script here")


@pytest.mark.parametrize(
    "json",
    [
        "",
        "{",
        "[]",
        '{"tokns": 3}',
        '{"tokens": -1}',
        '{"status": 418}',
        '{"hang": "end"}',
        '{"cut": true, "clean_end": true}',
        '{"tokens": 1, "text": "a"}',
        '{"drip_ms": 0}',
    ],
)
def test_a_wrong_script_fails_loudly(json: str) -> None:
    with pytest.raises(scripts.ScriptError):
        scripts.taken_from(f"!script {json}")


def test_settings_come_from_the_environment() -> None:
    environ = {
        "GROQ_STAND_IN_FIRST_TOKEN_MS": "20",
        "GROQ_STAND_IN_TOKENS_PER_SECOND": "0",
        "GROQ_STAND_IN_SCRIPTS": "1",
        "GROQ_STAND_IN_KEY": "gsk_a",
    }
    assert from_environment(environ) == Settings(20, 0, scripts=True, key="gsk_a")
    assert from_environment({}) == Settings(150, 60, scripts=False, key="")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GROQ_STAND_IN_FIRST_TOKEN_MS", "soon"),
        ("GROQ_STAND_IN_FIRST_TOKEN_MS", "nan"),
        ("GROQ_STAND_IN_TOKENS_PER_SECOND", "-1"),
        ("GROQ_STAND_IN_SCRIPTS", "yes"),
    ],
)
def test_a_bad_setting_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({name: value})
