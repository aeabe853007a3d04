"""Ten thousand real texts in many languages among two hundred users: all arrive, all are kept, byte for byte and in order."""

import asyncio
import collections
import pathlib
import random

import rest
from chat import DEADLINE_S, PAYLOAD_BYTES_MAX, Person, body_of, crowd, eventually

FORTUNES = pathlib.Path("/usr/share/games/fortunes")
MESSAGES = 10_000
USERS = 200
PARTNERS = 3  # that each user writes to

FURTHER_SCRIPTS = [
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇪🇺 ❤️‍🔥", "שלום עולם, מה נשמע?", "مرحبا بالعالم، كيف حالك؟", "سلام دنیا \u200f(RTL)\u200e", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "こんにちは世界", "안녕하세요 세계", "Γειά σου Κόσμε", "გამარჯობა", "ሰላም ልዑል", "Z̸̢͝a̵͓͒l̶̰̈g̸̺̈ŏ̵̦", "\u0000\u0001\u001f\u007f", "\U0001f600" * 50,
    "line\nbreak\r\nand\ttab", "</script><img src=x onerror=alert(1)>",
]


def fortunes() -> list[str]:
    """Debian's fortune cookies of all installed languages, one text each, those that are UTF-8."""
    texts = set()
    for path in sorted(FORTUNES.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix in (".dat", ".u8"):
            continue
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        texts.update(cookie for cookie in text.split("\n%\n") if 0 < len(cookie.encode()) <= PAYLOAD_BYTES_MAX)
    return sorted(texts)


def corpus(generator: random.Random) -> list[str]:
    texts = fortunes()
    assert len(texts) >= 50_000, f"only {len(texts)} texts below {FORTUNES}: install Debian's fortunes packages, see ./dev setup test"
    assert any("Ж" in text for text in texts) and any("ß" in text for text in texts) and any("明" in text for text in texts)
    chosen = generator.sample(texts, MESSAGES - 50)
    long_text = "".join(generator.sample(texts, 4000)).encode()
    for _ in range(50):
        at = generator.randrange(len(long_text) - PAYLOAD_BYTES_MAX)
        largest = long_text[at:at + PAYLOAD_BYTES_MAX].decode(errors="ignore")
        chosen.append(largest + "x" * (PAYLOAD_BYTES_MAX - len(largest.encode())))
    chosen += FURTHER_SCRIPTS
    generator.shuffle(chosen)
    return chosen


def test_real_text_over_two_gateways(cluster):
    generator = random.Random(20240229)
    texts = corpus(generator)
    plan: dict[int, list[tuple[int, str]]] = collections.defaultdict(list)  # sender -> [(recipient, text)]
    for number, text in enumerate(texts):
        sender = number % USERS
        plan[sender].append(((sender + 1 + generator.randrange(PARTNERS)) % USERS, text))

    async def run():
        urls = [gateway.ws_url for gateway in cluster.gateways]
        async with crowd(USERS, urls, "reader") as people:
            async def write(sender: int) -> None:
                for recipient, text in plan[sender]:
                    await people[sender].say(people[recipient].user, text)
                await people[sender].all_acked()
            await asyncio.gather(*(write(sender) for sender in range(USERS)))
            await check_live(people)
            await check_store(cluster, people)
    asyncio.run(run())


async def check_live(people: list[Person]) -> None:
    expected = {person.user: {} for person in people}
    for person in people:
        for identifier, (to, text) in person.sent.items():
            expected[to][person.user, identifier] = text
    for person in people:
        wanted = expected[person.user]
        await person.until(lambda: len(person.received) >= len(wanted), f"{len(wanted)} live messages")
        assert person.received == wanted
        assert person.close_codes == []  # a resync may come: on a busy machine the store may be late, which is told


async def check_store(cluster, people: list[Person]) -> None:
    conversations = collections.defaultdict(list)  # pair of users -> messages in the contract's order
    for person in people:
        times = list(map(person.acked.get, person.sent))
        assert times == sorted(set(times)), "a sender's messages are stamped in the order of sending"
        for identifier, (to, text) in person.sent.items():
            message = {"id": identifier, "from": person.user, "to": to, "payload": text, "at": person.acked[identifier]}
            conversations[tuple(sorted((person.user, to)))].append(message)
    for messages in conversations.values():
        messages.sort(key=lambda message: (message["at"], message["from"], message["id"]))

    for index, person in enumerate(people):
        url = cluster.gateways[index % 2].url
        own = {pair: messages for pair, messages in conversations.items() if person.user in pair}
        wanted = sum(map(len, own.values()))
        synced = await eventually(lambda: asyncio.to_thread(rest.sync_all, url, person.user), lambda messages: len(messages) >= wanted,
                                  f"{wanted} stored messages of {person.user}", 3 * DEADLINE_S)
        assert sorted(map(body_of, synced)) == sorted(body_of(message) for messages in own.values() for message in messages)
        for pair, messages in own.items():
            other = pair[0] if pair[1] == person.user else pair[1]
            assert await asyncio.to_thread(history_of, url, person.user, other) == messages


def history_of(url: str, user: str, other: str) -> list[dict]:
    messages, before, more = [], None, True
    while more:
        page = rest.get(url + "/v1/history", user=user, with_=other, before=before, limit=50).json
        messages = page["messages"] + messages
        before, more = messages[0]["at"] if messages else None, page["more"]
    return messages
