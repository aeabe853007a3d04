// What the decoder costs in heap memory: this file replaces the program's allocation functions by counting ones.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "websocket/recorded_events.h"

namespace {

std::size_t allocations = 0;
std::size_t live_bytes = 0;
std::size_t peak_bytes = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  ++allocations;
  live_bytes += malloc_usable_size(memory);
  peak_bytes = std::max(peak_bytes, live_bytes);
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace simplechat::websocket {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr DecoderLimits kLimits{.message_bytes_max = 17 * kMiB};

// Allocates nothing itself.
struct CountingEvents final : DecoderEvents {
  void on_text(std::string_view message) override { bytes += message.size(); }
  void on_binary(std::string_view message) override { bytes += message.size(); }
  void on_ping(std::string_view payload) override { bytes += payload.size(); }
  void on_pong(std::string_view payload) override { bytes += payload.size(); }
  void on_close(std::uint16_t, std::string_view) override {}
  std::size_t bytes = 0;
};

class DecoderMemory : public testing::Test {
 protected:
  // Sets the counters' origin to now.
  void start() {
    allocations_before_ = allocations;
    live_before_ = live_bytes;
    peak_bytes = live_bytes;
  }
  [[nodiscard]] std::size_t allocated() const { return allocations - allocations_before_; }
  [[nodiscard]] std::size_t held() const { return live_bytes - live_before_; }
  [[nodiscard]] std::size_t peak() const { return peak_bytes - live_before_; }

  void feed(std::span<char> bytes) { EXPECT_FALSE(decoder_.feed(bytes, events_)); }

  Decoder decoder_{kLimits};
  CountingEvents events_;

 private:
  std::size_t allocations_before_ = 0;
  std::size_t live_before_ = 0;
};

TEST_F(DecoderMemory, WholeFramesAllocateNothing) {
  std::string bytes = client_frame(Opcode::kText, std::string(1000, 't')) + client_frame(Opcode::kBinary, "binary") +
                      client_frame(Opcode::kPing, "ping") + client_frame(Opcode::kText, "grüße");
  start();
  feed(bytes);
  EXPECT_EQ(allocated(), 0U);
  EXPECT_EQ(events_.bytes, 1000U + 6 + 4 + 7);
}

TEST_F(DecoderMemory, NothingIsHeldOnceAMessageIsComplete) {
  std::string bytes = client_fragment(Opcode::kText, std::string(5000, 't')) + client_frame(Opcode::kPing, "ping") +
                      client_frame(Opcode::kContinuation, std::string(100, 'u')) + client_frame(Opcode::kPong, "pong");
  start();
  for (char& byte : bytes) feed({&byte, 1});
  EXPECT_EQ(events_.bytes, 5108U);
  EXPECT_GT(allocated(), 0U);
  EXPECT_EQ(held(), 0U);
}

TEST_F(DecoderMemory, AnAnnouncedLengthReservesNothing) {
  const std::string frame = client_frame(Opcode::kBinary, std::string(16 * kMiB, 'x'));
  std::string start_of_it = frame.substr(0, 100);
  start();
  feed(start_of_it);
  EXPECT_FALSE(decoder_.idle());
  EXPECT_LT(held(), 1024U);
}

TEST_F(DecoderMemory, ABigMessageInManyPiecesIsCopiedAConstantNumberOfTimes) {
  std::string frame = client_frame(Opcode::kBinary, std::string(16 * kMiB, 'x'));
  constexpr std::size_t kPieceBytes = 1000;
  start();
  for (std::size_t at = 0; at < frame.size(); at += kPieceBytes) {
    feed(std::span(frame).subspan(at, std::min(kPieceBytes, frame.size() - at)));
  }
  EXPECT_EQ(events_.bytes, 16 * kMiB);
  EXPECT_LT(allocated(), 30U);  // doubling; one allocation a piece would be 16 thousand
  EXPECT_LT(peak(), 50 * kMiB);
  EXPECT_EQ(held(), 0U);
}

TEST_F(DecoderMemory, FailureStopAndCloseFreeWhatWasGathered) {
  for (const std::string& end :
       {RawFrame{.first_byte = 0xff, .payload = ""}.bytes(), client_frame(Opcode::kClose, "")}) {
    Decoder decoder(kLimits);
    std::string bytes = client_fragment(Opcode::kText, std::string(5000, 't'));
    std::string last = end;
    start();
    EXPECT_FALSE(decoder.feed(bytes, events_));
    EXPECT_GT(held(), 5000U);
    (void)decoder.feed(last, events_);
    EXPECT_EQ(held(), 0U);
  }
  std::string bytes = client_fragment(Opcode::kText, std::string(5000, 't'));
  start();
  feed(bytes);
  decoder_.stop();
  EXPECT_EQ(held(), 0U);
}

}  // namespace
}  // namespace simplechat::websocket
