#include "runtime/guarded_routes.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace simplechat::runtime {
namespace {

unsigned status_with(const std::string& authorization) {
  HttpRoutes routes;
  GuardedRoutes guarded(routes, "the-token");
  guarded.add("GET", "/secret/:name",
              [](const HttpRequest&, const std::vector<std::string>& segments) -> boost::asio::awaitable<HttpResponse> {
                co_return HttpResponse{.body = segments.front()};
              });
  const HttpRequest request{.method = "GET", .target = "/secret/plan", .authorization = authorization};
  boost::asio::io_context io;
  auto answer = boost::asio::co_spawn(io, routes.dispatch(request), boost::asio::use_future);
  io.run();
  const HttpResponse response = answer.get();
  EXPECT_TRUE(response.status == 401 || response.body == "plan");
  return response.status;
}

TEST(GuardedRoutes, AnswerOnlyWhoShowsTheToken) {
  EXPECT_EQ(status_with("Bearer the-token"), 200U);
  EXPECT_EQ(status_with(""), 401U);
  EXPECT_EQ(status_with("the-token"), 401U);
  EXPECT_EQ(status_with("Bearer "), 401U);
  EXPECT_EQ(status_with("Bearer the-tokem"), 401U);
  EXPECT_EQ(status_with("Bearer the-token2"), 401U);
  EXPECT_EQ(status_with("Basic the-token"), 401U);
}

}  // namespace
}  // namespace simplechat::runtime
