// The hot path takes no memory once its buffers have grown: a program of its own, because it replaces operator new.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "wire/client_frame.h"
#include "wire/server_frame.h"

namespace {

std::atomic<std::size_t> allocations = 0;

}  // namespace

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes != 0 ? bytes : 1);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& nothrow) noexcept { return operator new(bytes, nothrow); }
void* operator new(std::size_t bytes) {
  if (void* const memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace simplechat::wire {
namespace {

TEST(Allocation, NormalFramesTakeNone) {
  const std::string text =
      R"({"type":"normal","from":1234567890123456789,"to":"#team","id":"0190b3a0-7f3c-7cc0-b1c5-1d2e3f405162",)"
      R"("payload":")" +
      std::string(10'000, 'x') + R"(\n\u00e9"})";
  FrameParser parser;
  std::string out;
  std::size_t before = 0;
  for (int round = 0; round < 3; ++round) {
    before = allocations;
    const auto frame = parser.parse(text);
    ASSERT_TRUE(frame);
    const auto& normal = std::get<NormalFrame>(*frame);
    out.clear();
    append_normal(out, {.id = normal.id, .from = normal.from, .to = normal.to, .payload = normal.payload, .at = 1});
    append_ack(out, normal.id, normal.to, 1);
    if (round == 0) EXPECT_NE(allocations, before);  // the counter counts
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace simplechat::wire
