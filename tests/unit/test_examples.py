"""What the examples share is the same in each."""

from tests.processes import CHECKOUT


def test_the_front_ends_with_the_ai_sdk_speak_to_the_server_alike() -> None:
    react, vue = (CHECKOUT / "examples" / name / "src" / "safycore.ts" for name in ("react-ai-sdk", "vue"))
    assert react.read_text() == vue.read_text()
