#include "chat/locations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simplechat::chat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> of(const Locations& locations, std::size_t user) {
  std::vector<std::string> urls;
  for (const std::string& url : locations.of(user)) urls.push_back(url);
  return urls;
}

TEST(Locations, KeepsEachUsersGatewaysInOrder) {
  Locations locations;
  locations.add_user();
  locations.add_gateway("http://b");
  locations.add_gateway("http://a");
  locations.add_user();
  locations.add_user();
  locations.add_gateway("http://a");
  ASSERT_EQ(locations.size(), 3U);
  EXPECT_THAT(of(locations, 0), ElementsAre("http://b", "http://a"));
  EXPECT_THAT(of(locations, 1), IsEmpty());
  EXPECT_THAT(of(locations, 2), ElementsAre("http://a"));
  EXPECT_EQ(&*locations.of(0).begin() + 1, &*locations.of(2).begin()) << "a url stands once";
}

TEST(Locations, AppendsAPartOfAnother) {
  Locations other;
  for (const char* url : {"http://a", "http://b", "http://c"}) {
    other.add_user();
    other.add_gateway(url);
  }
  Locations locations;
  locations.add_user();
  locations.add_gateway("http://c");
  locations.append(other, 1, 2);
  ASSERT_EQ(locations.size(), 3U);
  EXPECT_THAT(of(locations, 0), ElementsAre("http://c"));
  EXPECT_THAT(of(locations, 1), ElementsAre("http://b"));
  EXPECT_THAT(of(locations, 2), ElementsAre("http://c"));
}

}  // namespace
}  // namespace simplechat::chat
