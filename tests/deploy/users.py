"""What users do in these tests."""

import base64
import hashlib
import hmac
import json

from chat import Client, unique


def hs256(secret: str, claims: dict) -> str:
    """A token."""
    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.digest(secret.encode(), signed, hashlib.sha256))).decode()


async def talk(near: str, far: str, token=lambda user: None) -> None:
    """Two users write to each other, each through an address of their own."""
    alice, bob = unique("alice"), unique("bob")
    async with Client.registered(near, alice, token=token(alice)) as one, Client.registered(far, bob, token=token(bob)) as other:
        for sender, receiver, to in ((one, other, bob), (other, one, alice)):
            await sender.say(to, "hello")
            assert (await receiver.expect("normal"))["payload"] == "hello"
