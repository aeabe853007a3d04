#include "websocket/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "websocket/client_codec.h"
#include "websocket/encoder.h"
#include "websocket/mask.h"
#include "websocket/recorded_events.h"

namespace simplechat::websocket {
namespace {

using Kind = RecordedEvent::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr DecoderLimits kLimits{.message_bytes_max = 70'000};

RecordedEvents decode(std::string_view bytes, DecoderLimits limits = kLimits, Role role = Role::kServer) {
  Recording recording(limits, role);
  recording.feed(bytes);
  return recording.events;
}

// The code of the failure that is the only event.
std::uint16_t failure_of(std::string_view bytes, DecoderLimits limits = kLimits, Role role = Role::kServer) {
  const RecordedEvents events = decode(bytes, limits, role);
  return events.size() == 1 && events[0].kind == Kind::kFailure ? events[0].code : 0;
}

TEST(Mask, EqualsTheByteWiseDefinitionForEverySizeAndPhase) {
  constexpr MaskKey kKey = 0x83f2a104;  // octets 04 a1 f2 83
  constexpr std::string_view kOctets = "\x04\xa1\xf2\x83";
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= 70; ++size) {
    for (std::size_t phase = 0; phase < 4; ++phase) {
      std::string text(size, '\0');
      std::ranges::generate(text, [&] { return static_cast<char>(random()); });
      std::string expected = text;
      bool ascii = true;
      for (std::size_t i = 0; i < size; ++i) {
        expected[i] = static_cast<char>(text[i] ^ kOctets[(i + phase) % 4]);
        ascii = ascii && (expected[i] & 0x80) == 0;
      }
      const std::uint64_t seen = apply_mask(text, advance_mask(kKey, phase));
      ASSERT_EQ(text, expected) << size << ' ' << phase;
      ASSERT_EQ((seen & kHighBits) == 0, ascii) << size << ' ' << phase;
    }
  }
}

TEST(Mask, ReportsASingleHighBitWhereverItIs) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = '\xc3';
      EXPECT_NE(apply_mask(text, 0) & kHighBits, 0U) << size << ' ' << at;
    }
  }
}

TEST(Decoder, ReadsTheExamplesOfRfc6455Section57) {
  EXPECT_THAT(decode("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), ElementsAre(RecordedEvent{Kind::kText, "Hello"}));
  EXPECT_THAT(decode("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), ElementsAre(RecordedEvent{Kind::kPong, "Hello"}));
  EXPECT_THAT(decode("\x81\x05Hello", kLimits, Role::kClient), ElementsAre(RecordedEvent{Kind::kText, "Hello"}));
  using namespace std::string_view_literals;
  EXPECT_THAT(decode("\x01\x03Hel\x80\x02lo"sv, kLimits, Role::kClient),
              ElementsAre(RecordedEvent{Kind::kText, "Hello"}));
}

TEST(Decoder, WholeMessagesAreViewsIntoTheBytesFed) {
  std::string bytes = client_frame(Opcode::kText, "in place") + client_frame(Opcode::kBinary, "here too");
  struct Places : Recording {
    using Recording::Recording;
    void on_text(std::string_view message) override { text = message.data(); }
    void on_binary(std::string_view message) override { binary = message.data(); }
    const char* text = nullptr;
    const char* binary = nullptr;
  } places{kLimits};
  ASSERT_FALSE(places.decoder.feed(bytes, places));
  EXPECT_EQ(places.text, bytes.data() + 6);
  EXPECT_EQ(places.binary, bytes.data() + 14 + 6);
}

TEST(Decoder, RefusesUnmaskedClientFramesAndMaskedServerFrames) {
  EXPECT_EQ(failure_of(RawFrame{.first_byte = 0x81, .payload = "x", .masked = false}.bytes()), 1002);
  EXPECT_EQ(failure_of(client_frame(Opcode::kText, "x"), kLimits, Role::kClient), 1002);
}

TEST(Decoder, RefusesLengthsNotInTheirShortestForm) {
  using Length = RawFrame::Length;
  EXPECT_EQ(failure_of(RawFrame{.first_byte = 0x82, .payload = "", .length = Length::kTwoBytes}.bytes()), 1002);
  EXPECT_EQ(
      failure_of(RawFrame{.first_byte = 0x82, .payload = std::string(125, 'x'), .length = Length::kTwoBytes}.bytes()),
      1002);
  EXPECT_EQ(failure_of(RawFrame{.first_byte = 0x82, .payload = "", .length = Length::kEightBytes}.bytes()), 1002);
  EXPECT_EQ(
      failure_of(
          RawFrame{.first_byte = 0x82, .payload = std::string(65535, 'x'), .length = Length::kEightBytes}.bytes()),
      1002);
}

TEST(Decoder, RefusesALengthWithItsTopBitSet) {
  using namespace std::string_view_literals;
  EXPECT_EQ(failure_of("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00"sv), 1002);
  EXPECT_EQ(failure_of("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv), 1002);
  EXPECT_EQ(failure_of("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"sv), 1009);
}

TEST(Decoder, MessageLimitHoldsForWholeMessagesAndForTheSumOfFragments) {
  constexpr DecoderLimits kTen{.message_bytes_max = 10};
  EXPECT_THAT(decode(client_frame(Opcode::kText, "0123456789"), kTen),
              ElementsAre(RecordedEvent{Kind::kText, "0123456789"}));
  EXPECT_EQ(failure_of(client_frame(Opcode::kText, "0123456789a"), kTen), 1009);

  const std::string six = client_fragment(Opcode::kBinary, "012345");
  EXPECT_THAT(decode(six + client_frame(Opcode::kContinuation, "6789"), kTen),
              ElementsAre(RecordedEvent{Kind::kBinary, "0123456789"}));
  EXPECT_EQ(failure_of(six + client_frame(Opcode::kContinuation, "6789a"), kTen), 1009);
  EXPECT_EQ(
      failure_of(six + client_fragment(Opcode::kContinuation, "67") + client_frame(Opcode::kContinuation, "89a"), kTen),
      1009);
}

TEST(Decoder, TooBigFailsAtTheHeaderBeforeThePayloadCame) {
  const std::string frame = client_frame(Opcode::kBinary, std::string(300, 'x'));
  EXPECT_EQ(failure_of(frame.substr(0, 4), {.message_bytes_max = 299}), 1009);
}

TEST(Decoder, ControlFramesDontCountAgainstTheMessageLimit) {
  const std::string payload(125, 'p');
  EXPECT_THAT(decode(client_fragment(Opcode::kText, "0123456789") + client_frame(Opcode::kPing, payload) +
                         client_frame(Opcode::kContinuation, ""),
                     {.message_bytes_max = 10}),
              ElementsAre(RecordedEvent{Kind::kPing, payload}, RecordedEvent{Kind::kText, "0123456789"}));
}

TEST(Decoder, EachFragmentHasItsOwnMask) {
  std::string bytes;
  append_masked_frame(bytes, Opcode::kText, "one, ", 0x01020304, false);
  append_masked_frame(bytes, Opcode::kContinuation, "two, ", 0xf0e0d0c0, false);
  append_masked_frame(bytes, Opcode::kContinuation, "three", 0);
  Recording recording(kLimits);
  recording.feed_in_pieces(bytes, 3);
  EXPECT_THAT(recording.events, ElementsAre(RecordedEvent{Kind::kText, "one, two, three"}));
}

TEST(Decoder, StopInsideACallbackEndsTheEvents) {
  struct StopsAtPing : Recording {
    using Recording::Recording;
    void on_ping(std::string_view payload) override {
      decoder.stop();
      Recording::on_ping(payload);  // the view outlives stop()
    }
  };
  const std::string ping = client_frame(Opcode::kPing, "stop here, please");
  const std::string text = client_frame(Opcode::kText, "too late");
  const std::string open = client_fragment(Opcode::kText, "never finished");
  for (const std::string& bytes : {ping + text, open + ping + text}) {
    for (std::size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
      StopsAtPing recording(kLimits);
      recording.feed_in_pieces(bytes, piece_bytes);
      EXPECT_THAT(recording.events, ElementsAre(RecordedEvent{Kind::kPing, "stop here, please"}));
      EXPECT_TRUE(recording.decoder.idle());
    }
  }
}

TEST(Decoder, StopInsideTheMessageCallbackKeepsTheMessageReadable) {
  struct StopsAtText : Recording {
    using Recording::Recording;
    void on_text(std::string_view message) override {
      decoder.stop();
      Recording::on_text(message);
    }
  } recording{kLimits};
  const std::string long_text(1000, 't');
  recording.feed_in_pieces(client_frame(Opcode::kText, long_text) + client_frame(Opcode::kText, "more"), 7);
  EXPECT_THAT(recording.events, ElementsAre(RecordedEvent{Kind::kText, long_text}));
}

TEST(Decoder, IsDeadAfterAFailure) {
  Recording recording(kLimits);
  EXPECT_FALSE(recording.feed(RawFrame{.first_byte = 0x83, .payload = "x"}.bytes()));
  recording.feed(client_frame(Opcode::kText, "ignored"));
  EXPECT_EQ(recording.events.size(), 1U);
  EXPECT_TRUE(recording.decoder.idle());
}

TEST(Decoder, EventsBeforeAFailureAreDelivered) {
  EXPECT_THAT(
      decode(client_frame(Opcode::kText, "fine") + RawFrame{.first_byte = 0xc1, .payload = "x"}.bytes()),
      ElementsAre(RecordedEvent{Kind::kText, "fine"}, RecordedEvent{Kind::kFailure, "a reserved bit is set", 1002}));
}

TEST(Decoder, NamesACloseFrameWithHalfACode) {
  EXPECT_THAT(decode(client_frame(Opcode::kClose, "\x03")),
              ElementsAre(RecordedEvent{Kind::kFailure, "close frame with half a code", 1002}));
}

TEST(Decoder, FailsAtTheFirstByteThatIsWrong) {
  EXPECT_EQ(failure_of("\xc1"), 1002);      // reserved bit
  EXPECT_EQ(failure_of("\x83"), 1002);      // reserved opcode
  EXPECT_EQ(failure_of("\x09"), 1002);      // fragmented ping
  EXPECT_EQ(failure_of("\x81\x05"), 1002);  // not masked
  EXPECT_EQ(failure_of("\x89\xfe"), 1002);  // ping of more than 125 bytes
}

TEST(Decoder, IdleOnlyBetweenMessages) {
  const std::string bytes = client_frame(Opcode::kText, "abc");
  Recording recording(kLimits);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_TRUE(recording.decoder.idle() == (i == 0)) << i;
    recording.feed(bytes.substr(i, 1));
  }
  EXPECT_TRUE(recording.decoder.idle());
  recording.feed(client_fragment(Opcode::kText, "abc"));
  EXPECT_FALSE(recording.decoder.idle());
  recording.feed(client_frame(Opcode::kPing, "in between"));
  EXPECT_FALSE(recording.decoder.idle());
  recording.feed(client_frame(Opcode::kContinuation, ""));
  EXPECT_TRUE(recording.decoder.idle());
}

TEST(Decoder, ReadsWhatTheEncoderWrote) {
  std::string bytes;
  append_text(bytes, "grüße");
  append_binary(bytes, std::string(70'000, '\xff'));
  append_ping(bytes, "p");
  append_pong(bytes, "q");
  append_close(bytes, 4001, "draining");
  EXPECT_THAT(decode(bytes, kLimits, Role::kClient),
              ElementsAre(RecordedEvent{Kind::kText, "grüße"},
                          RecordedEvent{Kind::kBinary, std::string(70'000, '\xff')}, RecordedEvent{Kind::kPing, "p"},
                          RecordedEvent{Kind::kPong, "q"}, RecordedEvent{Kind::kClose, "draining", 4001}));
}

// Streams of random frames, a quarter of them with a changed byte somewhere.
class RandomStream {
 public:
  explicit RandomStream(std::uint32_t seed) : random_(seed) {}

  std::string bytes() {
    std::string out;
    for (std::size_t frames = 1 + below(12); frames > 0; --frames) append_any(out);
    if (below(4) == 0) out[below(out.size())] = static_cast<char>(below(256));
    if (below(4) == 0) out.resize(below(out.size() + 1));
    return out;
  }

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

 private:
  std::string text() {
    static constexpr std::string_view kCharacters[] = {"a", "plain ascii text, a little longer", "ß", "€",
                                                       "\xf0\x9f\x98\x80"};
    std::string out;
    for (std::size_t count = below(40); count > 0; --count) out += kCharacters[below(std::size(kCharacters))];
    return out;
  }

  void append_any(std::string& out) {
    const auto key = static_cast<MaskKey>(random_());
    switch (below(8)) {
      case 0:
        return append_masked_frame(out, Opcode::kPing, text().substr(0, 125), key);
      case 1:
        return append_masked_frame(out, Opcode::kBinary, std::string(below(below(8) == 0 ? 70'001 : 300), 'b'), key);
      case 2:
      case 3:
        return append_fragments(out, key);
      case 4:
        if (below(8) == 0) return append_masked_frame(out, Opcode::kClose, "\x03\xe8see you", key);
        [[fallthrough]];
      default:
        return append_masked_frame(out, Opcode::kText, text(), key);
    }
  }

  void append_fragments(std::string& out, MaskKey key) {
    const std::string whole = text();
    std::size_t at = 0;
    for (std::size_t count = below(5); count > 0; --count) {
      const std::size_t size = below(whole.size() - at + 1);
      append_masked_frame(out, first_ ? Opcode::kText : Opcode::kContinuation, whole.substr(at, size), key, false);
      first_ = false;
      at += size;
      if (below(3) == 0) append_masked_frame(out, Opcode::kPong, "between", key + 1);
    }
    append_masked_frame(out, first_ ? Opcode::kText : Opcode::kContinuation, whole.substr(at), key);
    first_ = true;
  }

  std::mt19937 random_;
  bool first_ = true;
};

TEST(Decoder, AnySplitOfAStreamGivesTheSameEvents) {
  std::size_t messages = 0;
  std::size_t failures = 0;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    RandomStream stream(seed);
    const std::string bytes = stream.bytes();
    Recording whole(kLimits);
    whole.feed(bytes);
    Recording split(kLimits);
    const std::size_t piece_bytes_max = 1 + stream.below(seed % 3 == 0 ? 8 : 3000);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min(bytes.size() - at, stream.below(piece_bytes_max + 1));
      split.feed(std::string_view(bytes).substr(at, size));
      at += size;
    }
    ASSERT_EQ(split.events, whole.events) << "seed " << seed;
    ASSERT_EQ(split.decoder.idle(), whole.decoder.idle()) << "seed " << seed;
    messages += whole.events.size();
    failures += whole.failed ? 1 : 0;
  }
  EXPECT_GT(messages, 3000U);  // the streams are not all broken at once,
  EXPECT_GT(failures, 50U);    // and not all sound
}

TEST(Decoder, EverySingleSplitOfAStreamGivesTheSameEvents) {
  const std::string bytes = client_frame(Opcode::kText, "grüße") + client_fragment(Opcode::kText, "\xe2\x82") +
                            client_frame(Opcode::kPing, "?") + client_frame(Opcode::kContinuation, "\xac") +
                            client_frame(Opcode::kBinary, std::string(200, 'b')) +
                            client_frame(Opcode::kClose, "\x0f\xa1see you");
  const RecordedEvents whole = decode(bytes);
  ASSERT_EQ(whole.size(), 5U);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      Recording split(kLimits);
      split.feed(bytes.substr(0, first));
      split.feed(bytes.substr(first, second - first));
      split.feed(bytes.substr(second));
      ASSERT_EQ(split.events, whole) << first << ' ' << second;
    }
  }
}

TEST(CloseCodes, AreValidAsTheRegistrySays) {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    const bool protocol = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
    const bool valid = protocol || (code >= 3000 && code <= 4999);
    EXPECT_EQ(is_valid_received_close_code(static_cast<std::uint16_t>(code)), valid) << code;
  }
}

}  // namespace
}  // namespace simplechat::websocket
