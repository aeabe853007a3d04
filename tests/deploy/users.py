"""What users do in these tests."""

from chat import Client, unique


async def talk(near: str, far: str) -> None:
    """Two users write to each other, each through an address of their own."""
    alice, bob = unique("alice"), unique("bob")
    async with Client.registered(near, alice) as one, Client.registered(far, bob) as other:
        for sender, receiver, to in ((one, other, bob), (other, one, alice)):
            await sender.say(to, "hello")
            assert (await receiver.expect("normal"))["payload"] == "hello"
