#include "runtime/http.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace simplechat::runtime {
namespace {

HttpRequest get(std::string target) { return {.method = "GET", .target = std::move(target)}; }

TEST(Percent, DecodesOctetsAndPlus) {
  EXPECT_EQ(percent_decode("a%20b+c%2B%c3%BC"), "a b c+ü");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
}

TEST(Percent, KeepsMalformedSequences) {
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%4x%41"), "%zz%4xA");
}

TEST(Percent, EncodesAllButUnreserved) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("#g/+ ü"), "%23g%2F%2B%20%C3%BC");
}

TEST(Percent, RoundTripsEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(AcceptEncoding, GzipIsAcceptedWhereItIsNamedAndNotExcluded) {
  for (const char* const accepted :
       {"gzip", "GZIP", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "deflate , gzip ; q=0.001"}) {
    EXPECT_TRUE(accepts_gzip(accepted)) << accepted;
  }
  for (const char* const refused : {"", "br", "gzip;q=0", "gzip; q=0.000, br", "xgzip", "identity,,"}) {
    EXPECT_FALSE(accepts_gzip(refused)) << refused;
  }
}

TEST(HttpRequest, PathIsTheTargetWithoutTheQuery) {
  EXPECT_EQ(get("/v1/history?with=bob").path(), "/v1/history");
  EXPECT_EQ(get("/").path(), "/");
  EXPECT_EQ(get("").path(), "");
}

TEST(HttpRequest, QueryFindsDecodedParameters) {
  const HttpRequest request = get("/x?with=%23team&limit=5&flag&empty=&with=second&a%62=c&e=f=g");
  EXPECT_EQ(request.query("with"), "#team");
  EXPECT_EQ(request.query("limit"), "5");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_EQ(request.query("empty"), "");
  EXPECT_EQ(request.query("ab"), "c");
  EXPECT_EQ(request.query("e"), "f=g");
  EXPECT_EQ(request.query("absent"), std::nullopt);
  EXPECT_EQ(get("/x").query("with"), std::nullopt);
  EXPECT_EQ(get("/x?").query("with"), std::nullopt);
}

class HttpRoutesTest : public testing::Test {
 protected:
  void serve(const std::string& method, const std::string& pattern) {
    routes_.add(method, pattern,
                [pattern](const HttpRequest&,
                          const std::vector<std::string>& segments) -> boost::asio::awaitable<HttpResponse> {
                  std::string body = pattern;
                  for (const std::string& segment : segments) body += "|" + segment;
                  co_return HttpResponse{.body = body};
                });
  }

  HttpResponse answer(std::string method, std::string target) {
    HttpResponse response;
    boost::asio::io_context io;
    const HttpRequest request{.method = std::move(method), .target = std::move(target)};
    boost::asio::co_spawn(io, routes_.dispatch(request), [&response](const std::exception_ptr&, HttpResponse answered) {
      response = std::move(answered);
    });
    io.run();
    return response;
  }

  HttpRoutes routes_;
};

TEST_F(HttpRoutesTest, MatchesFixedSegments) {
  serve("GET", "/v1/history");
  EXPECT_EQ(answer("GET", "/v1/history?with=bob").body, "/v1/history");
  EXPECT_EQ(answer("GET", "/v1/history/").status, 404U);
  EXPECT_EQ(answer("GET", "/v1").status, 404U);
  EXPECT_EQ(answer("GET", "v1/history").status, 404U);
  EXPECT_EQ(answer("GET", "*").status, 404U);
  EXPECT_EQ(answer("GET", "").status, 404U);
}

TEST_F(HttpRoutesTest, MatchesTheRoot) {
  serve("GET", "/");
  EXPECT_EQ(answer("GET", "/").body, "/");
  EXPECT_EQ(answer("GET", "/x").status, 404U);
}

TEST_F(HttpRoutesTest, NamedSegmentsAreDecodedButPlusStays) {
  serve("PUT", "/v1/groups/:id/members/:user");
  EXPECT_EQ(answer("PUT", "/v1/groups/%23team/members/a+b%20c").body, "/v1/groups/:id/members/:user|#team|a+b c");
}

TEST_F(HttpRoutesTest, StarMatchesTheRest) {
  serve("GET", "/client/*");
  EXPECT_EQ(answer("GET", "/client/assets/a%20b.js").body, "/client/*|assets/a b.js");
  EXPECT_EQ(answer("GET", "/client/").body, "/client/*|");
  EXPECT_EQ(answer("GET", "/client").body, "/client/*|");
  EXPECT_EQ(answer("GET", "/clients").status, 404U);
}

TEST_F(HttpRoutesTest, FirstMatchCounts) {
  serve("GET", "/get/fixed");
  serve("GET", "/get/:key");
  EXPECT_EQ(answer("GET", "/get/fixed").body, "/get/fixed");
  EXPECT_EQ(answer("GET", "/get/other").body, "/get/:key|other");
}

TEST_F(HttpRoutesTest, OtherMethodIs405AndNamesTheAllowedOnes) {
  serve("GET", "/x");
  serve("PUT", "/x");
  const HttpResponse response = answer("DELETE", "/x");
  EXPECT_EQ(response.status, 405U);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0], (std::pair<std::string, std::string>("Allow", "GET, PUT")));
  EXPECT_EQ(answer("PUT", "/x").status, 200U);
}

TEST(HttpError, IsTheContractsJson) {
  const HttpResponse response = http_error(413, "too_large", "at most \"8\" MiB\n");
  EXPECT_EQ(response.status, 413U);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"status":"error","code":"too_large","message":"at most \"8\" MiB\n"})");
}

}  // namespace
}  // namespace simplechat::runtime
