#include "websocket/encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "websocket/client_codec.h"
#include "websocket/utf8.h"

namespace simplechat::websocket {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(Encoder, WritesTheExamplesOfRfc6455Section57) {
  std::string out;
  append_text(out, "Hello");
  EXPECT_EQ(out, "\x81\x05Hello");
  out.clear();
  append_ping(out, "Hello");
  EXPECT_EQ(out, "\x89\x05Hello");
  out.clear();
  append_pong(out, "Hello");
  EXPECT_EQ(out, "\x8a\x05Hello");
  out.clear();
  append_binary(out, std::string(256, 'x'));
  EXPECT_EQ(out, "\x82\x7e\x01\x00"s + std::string(256, 'x'));
  out.clear();
  append_binary(out, std::string(65536, 'x'));
  EXPECT_EQ(out, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s + std::string(65536, 'x'));
}

TEST(Encoder, LengthsTakeTheirShortestForm) {
  const auto header_of = [](std::size_t payload_bytes) {
    std::array<char, kServerHeaderBytesMax> header;
    return std::string(header.data(), frame_header(header, Opcode::kText, payload_bytes));
  };
  EXPECT_EQ(header_of(0), "\x81\x00"sv);
  EXPECT_EQ(header_of(125), "\x81\x7d");
  EXPECT_EQ(header_of(126), "\x81\x7e\x00\x7e"sv);
  EXPECT_EQ(header_of(65535), "\x81\x7e\xff\xff");
  EXPECT_EQ(header_of(65536), "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"sv);
  EXPECT_EQ(header_of(0x0102030405060708), "\x81\x7f\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST(Encoder, FrameSizeIsTheSizeOfTheFrame) {
  for (const std::size_t payload_bytes : {0, 1, 125, 126, 127, 65535, 65536, 100000}) {
    std::string out;
    append_text(out, std::string(payload_bytes, 'x'));
    EXPECT_EQ(out.size(), frame_size(payload_bytes)) << payload_bytes;
  }
}

TEST(Encoder, Appends) {
  std::string out = "before";
  append_text(out, "x");
  append_text(out, "y");
  EXPECT_EQ(out, "before\x81\x01x\x81\x01y");
}

TEST(Encoder, CloseCarriesCodeAndReason) {
  std::string out;
  append_close(out, CloseCode::kGoingAway, "see you");
  EXPECT_EQ(out, "\x88\x09\x03\xe9see you");
  out.clear();
  append_close(out, 4008, "");
  EXPECT_EQ(out, "\x88\x02\x0f\xa8");
  out.clear();
  append_close(out, kNoStatusReceived, "dropped with the code");
  EXPECT_EQ(out, "\x88\x00"sv);
}

TEST(Encoder, CloseReasonIsCutAtACharactersEnd) {
  std::string out;
  append_close(out, 1000, std::string(123, 'r'));
  EXPECT_EQ(out, "\x88\x7d\x03\xe8" + std::string(123, 'r'));
  out.clear();
  append_close(out, 1000, std::string(124, 'r'));
  EXPECT_EQ(out, "\x88\x7d\x03\xe8" + std::string(123, 'r'));
  out.clear();
  append_close(out, 1000, std::string(122, 'r') + "ä");
  EXPECT_EQ(out, "\x88\x7c\x03\xe8" + std::string(122, 'r'));
}

TEST(ClientCodec, MasksAsTheExampleOfRfc6455Section57) {
  std::string out;
  append_masked_frame(out, Opcode::kText, "Hello", 0x3d21fa37);
  EXPECT_EQ(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(ClientCodec, FragmentsLackTheFinBit) {
  std::string out;
  append_masked_frame(out, Opcode::kText, "x", 0, false);
  append_masked_frame(out, Opcode::kContinuation, "y", 0);
  EXPECT_EQ(out, "\x01\x81\x00\x00\x00\x00x\x80\x81\x00\x00\x00\x00y"sv);
}

}  // namespace
}  // namespace simplechat::websocket
