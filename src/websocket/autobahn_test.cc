// Our own tests for the case families of the Autobahn test suite; each test names the cases whose situation it covers.
// Every stream is fed whole, in 997-byte chops, and byte by byte where it is short.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "websocket/recorded_events.h"

namespace simplechat::websocket {
namespace {

using namespace std::string_literals;
using Kind = RecordedEvent::Kind;

constexpr std::size_t kMiB = 1024 * 1024;
constexpr DecoderLimits kLimits{.message_bytes_max = 17 * kMiB};

RecordedEvent text(std::string payload) { return {Kind::kText, std::move(payload)}; }
RecordedEvent binary(std::string payload) { return {Kind::kBinary, std::move(payload)}; }
RecordedEvent ping(std::string payload) { return {Kind::kPing, std::move(payload)}; }
RecordedEvent pong(std::string payload) { return {Kind::kPong, std::move(payload)}; }
RecordedEvent close(std::uint16_t code, std::string reason = "") { return {Kind::kClose, std::move(reason), code}; }

std::string text_frame(std::string_view payload) { return client_frame(Opcode::kText, payload); }
std::string text_start(std::string_view payload) { return client_fragment(Opcode::kText, payload); }
std::string middle(std::string_view payload) { return client_fragment(Opcode::kContinuation, payload); }
std::string last(std::string_view payload) { return client_frame(Opcode::kContinuation, payload); }
std::string ping_frame(std::string_view payload) { return client_frame(Opcode::kPing, payload); }
std::string close_frame(std::uint16_t code, std::string_view reason = "") {
  std::string body{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return client_frame(Opcode::kClose, body.append(reason));
}

RecordedEvents decode_in_pieces(std::string_view bytes, std::size_t piece_bytes) {
  Recording recording(kLimits);
  recording.feed_in_pieces(bytes, piece_bytes);
  return std::move(recording.events);
}

// Decodes `bytes` whole, chopped and byte by byte; the ways must agree.
RecordedEvents decode(std::string_view bytes) {
  constexpr std::size_t kByteByByteMax = 200'000;
  RecordedEvents whole = decode_in_pieces(bytes, bytes.size());
  EXPECT_EQ(decode_in_pieces(bytes, 997), whole);
  if (bytes.size() <= kByteByByteMax) {
    EXPECT_EQ(decode_in_pieces(bytes, 1), whole);
  }
  return whole;
}

// Expects `before`, then the failure with `code`.
void expect_failure(std::string_view bytes, std::uint16_t code, const RecordedEvents& before = {}) {
  RecordedEvents events = decode(bytes);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().kind, Kind::kFailure);
  EXPECT_EQ(events.back().code, code);
  events.pop_back();
  EXPECT_EQ(events, before);
}

// 1.1 and 1.2: text and binary messages of every length form.
TEST(Autobahn1Framing, TextAndBinaryOfEveryLengthForm) {
  for (const std::size_t size : {0, 1, 125, 126, 127, 128, 65535, 65536}) {
    const std::string letters(size, '*');
    EXPECT_EQ(decode(text_frame(letters)), RecordedEvents{text(letters)}) << size;
    const std::string bytes(size, '\xfe');
    EXPECT_EQ(decode(client_frame(Opcode::kBinary, bytes)), RecordedEvents{binary(bytes)}) << size;
  }
}

// 2.1 to 2.4, 2.6
TEST(Autobahn2Pings, PingsOfUpTo125Bytes) {
  for (const std::string& payload :
       {""s, "Hello, world!"s, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"s, std::string(125, '\xfe')}) {
    EXPECT_EQ(decode(ping_frame(payload)), RecordedEvents{ping(payload)});
  }
}

// 2.5
TEST(Autobahn2Pings, LongerPingFails) { expect_failure(ping_frame(std::string(126, '\xfe')), 1002); }

// 2.7 to 2.9
TEST(Autobahn2Pings, UnsolicitedPongsAreFine) {
  EXPECT_EQ(decode(client_frame(Opcode::kPong, "") + client_frame(Opcode::kPong, "unsolicited") + ping_frame("p")),
            (RecordedEvents{pong(""), pong("unsolicited"), ping("p")}));
}

// 2.10, 2.11
TEST(Autobahn2Pings, TenPingsComeInOrder) {
  std::string bytes;
  RecordedEvents expected;
  for (int i = 0; i < 10; ++i) {
    bytes += ping_frame("payload-" + std::to_string(i));
    expected.push_back(ping("payload-" + std::to_string(i)));
  }
  EXPECT_EQ(decode(bytes), expected);
}

// 3.1 to 3.7
TEST(Autobahn3ReservedBits, EveryReservedBitFailsOnEveryOpcode) {
  for (std::uint8_t reserved = 0x10; reserved <= 0x70; reserved += 0x10) {
    for (const Opcode opcode : {Opcode::kText, Opcode::kBinary, Opcode::kPing, Opcode::kPong, Opcode::kClose}) {
      const auto first_byte = static_cast<std::uint8_t>(kFinBit | reserved | std::to_underlying(opcode));
      const std::string bad = RawFrame{.first_byte = first_byte, .payload = "Hello"}.bytes();
      expect_failure(bad, 1002);
      expect_failure(text_frame("Hello") + bad + ping_frame(""), 1002, {text("Hello")});
    }
  }
}

// 4.1 and 4.2
TEST(Autobahn4Opcodes, ReservedOpcodesFail) {
  for (const std::uint8_t opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    for (const std::string_view payload : {"", "payload"}) {
      for (const std::uint8_t fin : {std::uint8_t{0}, kFinBit}) {
        const std::string bad =
            RawFrame{.first_byte = static_cast<std::uint8_t>(fin | opcode), .payload = payload}.bytes();
        expect_failure(bad, 1002);
        expect_failure(text_frame("Hello") + bad + ping_frame(""), 1002, {text("Hello")});
      }
    }
  }
}

// 5.1, 5.2, and a close frame alike
TEST(Autobahn5Fragmentation, ControlFramesMustNotBeFragmented) {
  for (const Opcode opcode : {Opcode::kPing, Opcode::kPong, Opcode::kClose}) {
    expect_failure(client_fragment(opcode, "frag") + last("ment"), 1002);
  }
}

// 5.3 to 5.5
TEST(Autobahn5Fragmentation, TwoFragmentsAreOneMessage) {
  EXPECT_EQ(decode(text_start("fragment1") + last("fragment2")), RecordedEvents{text("fragment1fragment2")});
}

// 5.6 to 5.8
TEST(Autobahn5Fragmentation, PingBetweenFragmentsComesFirst) {
  EXPECT_EQ(decode(text_start("fragment1") + ping_frame("ping payload") + last("fragment2")),
            (RecordedEvents{ping("ping payload"), text("fragment1fragment2")}));
}

// 5.9 to 5.14
TEST(Autobahn5Fragmentation, ContinuationWithoutStartFails) {
  for (const std::string& continuation : {last("non-continuation"), middle("non-continuation")}) {
    expect_failure(continuation + text_frame("Hello"), 1002);
    expect_failure(text_frame("done") + continuation, 1002, {text("done")});
  }
}

// 5.15
TEST(Autobahn5Fragmentation, ContinuationAfterTheLastFragmentFails) {
  expect_failure(text_start("fragment1") + last("fragment2") + middle("fragment3") + text_frame("fragment4"), 1002,
                 {text("fragment1fragment2")});
}

// 5.16, 5.17
TEST(Autobahn5Fragmentation, RepeatedContinuationsWithoutStartFail) {
  for (const std::string& continuation : {middle("fragment1"), last("fragment1")}) {
    const std::string twice = continuation + text_start("fragment2") + last("fragment3");
    expect_failure(twice + twice, 1002);
  }
}

// 5.18
TEST(Autobahn5Fragmentation, NewMessageInsideAFragmentedOneFails) {
  expect_failure(text_start("fragment1") + text_frame("fragment2"), 1002);
  expect_failure(text_start("fragment1") + client_fragment(Opcode::kBinary, "fragment2"), 1002);
}

// 5.19, 5.20
TEST(Autobahn5Fragmentation, FiveFragmentsWithPingsBetween) {
  const std::string stream = text_start("fragment1") + middle("fragment2") + ping_frame("pongme 1!") +
                             middle("fragment3") + ping_frame("pongme 2!") + middle("fragment4") + last("fragment5");
  EXPECT_EQ(decode(stream), (RecordedEvents{ping("pongme 1!"), ping("pongme 2!"),
                                            text("fragment1fragment2fragment3fragment4fragment5")}));
}

// 6.1
TEST(Autobahn6Utf8, EmptyTextsAndEmptyFragments) {
  EXPECT_EQ(decode(text_frame("")), RecordedEvents{text("")});
  EXPECT_EQ(decode(text_start("") + middle("") + last("")), RecordedEvents{text("")});
  EXPECT_EQ(decode(text_start("") + middle("middle frame payload") + last("")),
            RecordedEvents{text("middle frame payload")});
}

// The text as one frame, and in two fragments split at every byte.
std::vector<std::string> every_fragmentation(std::string_view payload) {
  std::vector<std::string> streams{text_frame(payload)};
  for (std::size_t split = 0; split <= payload.size(); ++split) {
    streams.push_back(text_start(payload.substr(0, split)) + last(payload.substr(split)));
  }
  return streams;
}

void expect_valid_text(const std::string& payload) {
  for (const std::string& stream : every_fragmentation(payload))
    EXPECT_EQ(decode(stream), RecordedEvents{text(payload)});
}

void expect_invalid_text(const std::string& payload) {
  for (const std::string& stream : every_fragmentation(payload)) expect_failure(stream, 1007);
}

// 6.2
TEST(Autobahn6Utf8, ValidTextSplitAtEveryByte) {
  expect_valid_text("Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!");
  std::string one_byte_fragments = text_start("");
  const std::string greek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
  for (const char byte : greek) one_byte_fragments += middle({&byte, 1});
  EXPECT_EQ(decode(one_byte_fragments + last("")), RecordedEvents{text(greek)});
}

// 6.3
TEST(Autobahn6Utf8, InvalidTextSplitAtEveryByte) {
  expect_invalid_text("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80 edited");
}

// The number of bytes after which the decoder fails; 0 if it doesn't.
std::size_t bytes_until_failure(std::string_view stream) {
  Recording recording(kLimits);
  for (std::size_t at = 0; at < stream.size(); ++at) {
    if (!recording.feed(stream.substr(at, 1))) return at + 1;
  }
  return 0;
}

// 6.4: the failure comes with the first impossible byte, not with the end of its frame or message.
TEST(Autobahn6Utf8, FailsFast) {
  constexpr std::size_t kHeaderBytes = 6;
  const std::string valid = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
  const std::string first = text_start(valid);
  // U+110000 and beyond is impossible from its second byte.
  EXPECT_EQ(bytes_until_failure(first + middle("\xf4\x90\x80\x80") + last("edited")), first.size() + kHeaderBytes + 2);
  EXPECT_EQ(bytes_until_failure(first + middle("\xf4") + middle("\x90") + last("edited")),
            first.size() + 2 * kHeaderBytes + 2);
  EXPECT_EQ(bytes_until_failure(text_frame(valid + "\xf4\x90\x80\x80 edited")), kHeaderBytes + valid.size() + 2);
  // A fragment that comes whole fails at once too, without the message's end.
  expect_failure(text_start(valid + "\xff"), 1007);
}

// 6.5 to 6.23, after Markus Kuhn's UTF-8 stress test and RFC 3629.
TEST(Autobahn6Utf8, ValidSequences) {
  for (const std::string& sequence :
       {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"s,             // some words
        "\x00"s, "\xc2\x80"s, "\xe0\xa0\x80"s, "\xf0\x90\x80\x80"s,  // first of each length
        "\x7f"s, "\xdf\xbf"s, "\xef\xbf\xbf"s, "\xf4\x8f\xbf\xbf"s,  // last of each length
        "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xef\xbf\xbd"s,           // around the surrogates; replacement
        "\xef\xbf\xbe"s, "\xf0\x9f\xbf\xbe"s, "\xf0\x9f\xbf\xbf"s, "\xf3\xbf\xbf\xbe"s,
        "\xf4\x8f\xbf\xbe"s,  // non-characters
        "\xf0\x9f\x98\x80 mixed \xc3\xa4 with ascii"s}) {
    expect_valid_text(sequence);
  }
}

TEST(Autobahn6Utf8, InvalidSequences) {
  for (const std::string& sequence : {"\xf8\x88\x80\x80\x80"s,
                                      "\xfc\x84\x80\x80\x80\x80"s,
                                      "\xf7\xbf\xbf\xbf"s,
                                      "\xfb\xbf\xbf\xbf\xbf"s,  // too long, too high
                                      "\xfd\xbf\xbf\xbf\xbf\xbf"s,
                                      "\xf4\x90\x80\x80"s,
                                      "\xf5\x80\x80\x80"s,
                                      "\x80"s,
                                      "\xbf"s,
                                      "\x80\xbf"s,
                                      "\x80\xbf\x80\xbf\x80\xbf\x80"s,  // continuations alone
                                      "\xc0 \xc1 \xc2 \xdf "s,
                                      "\xe0 \xe1 \xef "s,
                                      "\xf0 \xf1 \xf7 "s,
                                      "\xf8 \xfb "s,
                                      "\xfc \xfd "s,  // leads alone
                                      "\xc0"s,
                                      "\xe0\x80"s,
                                      "\xf0\x80\x80"s,
                                      "\xdf"s,
                                      "\xef\xbf"s,
                                      "\xf4\x8f\xbf"s,
                                      "\xf7\xbf\xbf"s,  // last byte missing
                                      "\xc3(\xa4"s,
                                      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce"s,
                                      "\xe2\x82\xe2\x82\xac"s,
                                      "\xfe"s,
                                      "\xff"s,
                                      "\xfe\xfe\xff\xff"s,  // impossible bytes
                                      "\xc0\xaf"s,
                                      "\xe0\x80\xaf"s,
                                      "\xf0\x80\x80\xaf"s,
                                      "\xf8\x80\x80\x80\xaf"s,
                                      "\xfc\x80\x80\x80\x80\xaf"s,  // overlong
                                      "\xc1\xbf"s,
                                      "\xe0\x9f\xbf"s,
                                      "\xf0\x8f\xbf\xbf"s,
                                      "\xf8\x87\xbf\xbf\xbf"s,
                                      "\xfc\x83\xbf\xbf\xbf\xbf"s,
                                      "\xc0\x80"s,
                                      "\xe0\x80\x80"s,
                                      "\xf0\x80\x80\x80"s,
                                      "\xf8\x80\x80\x80\x80"s,  // overlong NUL
                                      "\xed\xa0\x80"s,
                                      "\xed\xad\xbf"s,
                                      "\xed\xae\x80"s,
                                      "\xed\xaf\xbf"s,
                                      "\xed\xb0\x80"s,
                                      "\xed\xbe\x80"s,
                                      "\xed\xbf\xbf"s,
                                      "\xed\xa0\x80\xed\xb0\x80"s,
                                      "\xed\xaf\xbf\xed\xbf\xbf"s}) {  // surrogates, alone and paired
    expect_invalid_text(sequence);
    expect_invalid_text("0123456789abcdef" + sequence);
    // The same bytes are fine in a binary message.
    EXPECT_EQ(decode(client_frame(Opcode::kBinary, sequence)), RecordedEvents{binary(sequence)});
  }
}

// 7.1.1 to 7.1.4, 7.1.6
TEST(Autobahn7Close, WhatFollowsACloseIsIgnored) {
  const std::string big(256 * 1024, '*');
  for (const std::string& after : {""s, close_frame(1000), ping_frame("ping"), text_frame("text"), "\xff\xff\xff"s}) {
    EXPECT_EQ(decode(text_frame("Hello") + close_frame(1000) + after), (RecordedEvents{text("Hello"), close(1000)}));
    EXPECT_EQ(decode(text_frame(big) + close_frame(1000) + after), (RecordedEvents{text(big), close(1000)}));
  }
}

// 7.1.5
TEST(Autobahn7Close, CloseInsideAFragmentedMessageDropsTheMessage) {
  EXPECT_EQ(decode(text_start("fragment1") + close_frame(1000) + last("fragment2")), RecordedEvents{close(1000)});
}

// 7.3.1 to 7.3.5
TEST(Autobahn7Close, BodiesOfEveryLength) {
  EXPECT_EQ(decode(client_frame(Opcode::kClose, "")), RecordedEvents{close(kNoStatusReceived)});
  EXPECT_EQ(decode(close_frame(1000)), RecordedEvents{close(1000)});
  EXPECT_EQ(decode(close_frame(1000, "Hello World!")), RecordedEvents{close(1000, "Hello World!")});
  EXPECT_EQ(decode(close_frame(1000, std::string(123, '*'))), RecordedEvents{close(1000, std::string(123, '*'))});
}

// 7.3.2, 7.3.6
TEST(Autobahn7Close, BadLengthsFail) {
  expect_failure(client_frame(Opcode::kClose, "a"), 1002);
  expect_failure(close_frame(1000, std::string(124, '*')), 1002);
}

// 7.5.1
TEST(Autobahn7Close, InvalidUtf8ReasonFails) {
  expect_failure(close_frame(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80 edited"), 1007);
  expect_failure(close_frame(1000, "\xe2\x82"), 1007);
}

// 7.7
TEST(Autobahn7Close, ValidCodes) {
  for (const std::uint16_t code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4001, 4999}) {
    EXPECT_EQ(decode(close_frame(code)), RecordedEvents{close(code)}) << code;
  }
}

// 7.9, 7.13
TEST(Autobahn7Close, InvalidCodesFail) {
  for (const std::uint16_t code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    expect_failure(close_frame(code), 1002);
  }
}

// `payload` in frames of `fragment_bytes`.
std::string fragmented(Opcode opcode, std::string_view payload, std::size_t fragment_bytes) {
  std::string stream;
  for (std::size_t at = 0; at < payload.size(); at += fragment_bytes) {
    const Opcode frame_opcode = at == 0 ? opcode : Opcode::kContinuation;
    const std::string_view piece = payload.substr(at, fragment_bytes);
    const bool is_last = at + piece.size() == payload.size();
    stream += is_last ? client_frame(frame_opcode, piece) : client_fragment(frame_opcode, piece);
  }
  return stream;
}

// A text of ASCII and of two to four byte characters, cut where no fragment size divides it evenly.
std::string long_text(std::size_t size) {
  static constexpr std::string_view kPhrase = "Grüße: 5 € \xf0\x9f\x98\x80. ";
  std::string out;
  while (out.size() + kPhrase.size() <= size) out += kPhrase;
  out.append(size - out.size(), '.');
  return out;
}

// 9.1, 9.2
TEST(Autobahn9Limits, BigMessagesInOneFrame) {
  for (const std::size_t size : {kMiB / 16, kMiB / 4, kMiB, 4 * kMiB, 8 * kMiB, 16 * kMiB}) {
    const std::string payload = long_text(size);
    EXPECT_TRUE(decode(text_frame(payload)) == RecordedEvents{text(payload)}) << size;
    EXPECT_TRUE(decode(client_frame(Opcode::kBinary, payload)) == RecordedEvents{binary(payload)}) << size;
  }
}

// 9.3, 9.4
TEST(Autobahn9Limits, BigMessagesInFragments) {
  const std::string payload = long_text(4 * kMiB);
  for (std::size_t fragment_bytes = 64; fragment_bytes <= 4 * kMiB; fragment_bytes *= 4) {
    EXPECT_TRUE(decode(fragmented(Opcode::kText, payload, fragment_bytes)) == RecordedEvents{text(payload)})
        << fragment_bytes;
    EXPECT_TRUE(decode(fragmented(Opcode::kBinary, payload, fragment_bytes)) == RecordedEvents{binary(payload)})
        << fragment_bytes;
  }
}

// 9.5, 9.6
TEST(Autobahn9Limits, BigMessagesInChops) {
  const std::string payload = long_text(kMiB);
  for (std::size_t chop_bytes = 64; chop_bytes <= 2048; chop_bytes *= 2) {
    EXPECT_TRUE(decode_in_pieces(text_frame(payload), chop_bytes) == RecordedEvents{text(payload)}) << chop_bytes;
    EXPECT_TRUE(decode_in_pieces(client_frame(Opcode::kBinary, payload), chop_bytes) == RecordedEvents{binary(payload)})
        << chop_bytes;
  }
}

// 9.7, 9.8
TEST(Autobahn9Limits, ManySmallMessages) {
  for (const std::size_t size : {0, 16, 64, 256, 1024, 4096}) {
    const std::string payload = long_text(size);
    std::string stream;
    for (int i = 0; i < 1000; ++i) stream += text_frame(payload);
    EXPECT_TRUE(decode(stream) == RecordedEvents(1000, text(payload))) << size;
  }
}

// Beyond the limit: our own, which the suite leaves open.
TEST(Autobahn9Limits, BeyondTheLimitFails) {
  const std::string header = text_frame(std::string(17 * kMiB + 1, '*')).substr(0, 14);
  expect_failure(header, 1009);
}

// 10.1.1
TEST(Autobahn10AutoFragmentation, MessageInFragmentsOf1300Bytes) {
  const std::string payload(65536, '*');
  EXPECT_EQ(decode(fragmented(Opcode::kText, payload, 1300)), RecordedEvents{text(payload)});
}

}  // namespace
}  // namespace simplechat::websocket
