#include "chat/page_bounds.h"

#include <gtest/gtest.h>

#include <vector>

namespace simplechat::chat {
namespace {

struct Offered {
  std::int64_t group;
  std::size_t bytes;
};

struct Page {
  std::size_t size;
  bool more;
  bool operator==(const Page&) const = default;
};

Page page_of(int limit, const std::vector<Offered>& messages) {
  PageBounds bounds(limit);
  for (const Offered& message : messages) {
    if (!bounds.take(message.group, message.bytes)) return {bounds.size(), true};
  }
  return {bounds.size(), false};
}

constexpr std::size_t kHalf = kPageBytesMax / 2;

TEST(PageBounds, APageEndsAtItsLimit) {
  const std::vector<Offered> messages = {{1, 1}, {2, 1}, {3, 1}};
  EXPECT_EQ(page_of(5, {}), (Page{0, false}));
  EXPECT_EQ(page_of(1, messages), (Page{1, true}));
  EXPECT_EQ(page_of(2, messages), (Page{2, true}));
  EXPECT_EQ(page_of(3, messages), (Page{3, false}));
  EXPECT_EQ(page_of(0, messages), (Page{1, true})) << "a limit out of range is the next one in it";
  EXPECT_EQ(page_of(kPageSizeMax + 1, std::vector<Offered>(kPageSizeMax + 1, {1, 1})).size, kPageSizeMax + 1U);
}

TEST(PageBounds, APageEndsBeforeItsBytesAreExceeded) {
  EXPECT_EQ(page_of(9, {{1, kHalf}, {2, kHalf}}), (Page{2, false})) << "as many as allowed";
  EXPECT_EQ(page_of(9, {{1, kHalf}, {2, kHalf}, {3, 1}}), (Page{2, true}));
  EXPECT_EQ(page_of(9, {{1, kHalf}, {2, kHalf + 1}}), (Page{1, true}));
  EXPECT_EQ(page_of(9, {{1, 1}, {2, kPageBytesMax}, {3, 1}}), (Page{1, true})) << "a smaller one behind it waits";
}

TEST(PageBounds, APageHoldsOneMessageWhateverItsBytes) {
  EXPECT_EQ(page_of(9, {{1, kPageBytesMax + 1}}), (Page{1, false}));
  EXPECT_EQ(page_of(9, {{1, kPageBytesMax + 1}, {2, 0}}), (Page{1, true}));
}

TEST(PageBounds, AGroupIsNotSplitByTheLimit) {
  const std::vector<Offered> messages = {{1, 1}, {2, 1}, {2, 1}, {2, 1}, {3, 1}};
  EXPECT_EQ(page_of(1, messages), (Page{1, true}));
  EXPECT_EQ(page_of(2, messages), (Page{4, true}));
  EXPECT_EQ(page_of(4, messages), (Page{4, true}));
  EXPECT_EQ(page_of(5, messages), (Page{5, false}));
}

TEST(PageBounds, AGroupIsNotSplitByTheBytes) {
  EXPECT_EQ(page_of(9, {{1, 1}, {2, kHalf}, {2, kHalf}}), (Page{1, true})) << "left to the next page whole";
  EXPECT_EQ(page_of(2, {{1, 1}, {2, kHalf}, {2, kHalf}}), (Page{1, true})) << "also where the limit lies within it";
  EXPECT_EQ(page_of(9, {{1, kHalf}, {1, kHalf}, {1, kHalf}, {2, 0}}), (Page{3, true}))
      << "the first one is taken whole";
  EXPECT_EQ(page_of(9, {{1, kHalf}, {1, kHalf}, {1, kHalf}}), (Page{3, false}));
}

}  // namespace
}  // namespace simplechat::chat
