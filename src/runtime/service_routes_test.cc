#include "runtime/service_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace simplechat::runtime {
namespace {

class ServiceRoutesTest : public testing::Test {
 protected:
  ServiceRoutesTest() { add_service_routes(routes_, readiness_, metrics_); }

  HttpResponse get(std::string target) {
    HttpResponse response;
    boost::asio::io_context io;
    const HttpRequest request{.method = "GET", .target = std::move(target)};
    boost::asio::co_spawn(io, routes_.dispatch(request), [&response](const std::exception_ptr&, HttpResponse answer) {
      response = std::move(answer);
    });
    io.run();
    return response;
  }

  Readiness readiness_;
  MetricsRegistry metrics_;
  HttpRoutes routes_;
};

TEST_F(ServiceRoutesTest, HealthzIsAlwaysWell) {
  (void)readiness_.add("redis");
  EXPECT_EQ(get("/healthz").status, 200U);
  EXPECT_EQ(get("/healthz").body, R"({"status":"success"})");
}

TEST_F(ServiceRoutesTest, ReadyzNamesWhatIsMissing) {
  Dependency& redis = readiness_.add("redis");
  readiness_.add("mq").up();
  Dependency& db = readiness_.add("db");
  redis.down("Connection \"refused\"");
  const HttpResponse missing = get("/readyz");
  EXPECT_EQ(missing.status, 503U);
  EXPECT_EQ(missing.body,
            R"({"status":"error","code":"unavailable","message":"not ready: redis, db","missing":[)"
            R"({"name":"redis","reason":"Connection \"refused\""},{"name":"db","reason":"not tried yet"}]})");
  redis.up();
  db.up();
  EXPECT_EQ(get("/readyz").status, 200U);
  EXPECT_EQ(get("/readyz").body, R"({"status":"success"})");
}

TEST_F(ServiceRoutesTest, ADrainingProcessIsNotReady) {
  readiness_.start_draining();
  EXPECT_EQ(get("/readyz").status, 503U);
  EXPECT_THAT(get("/readyz").body, testing::HasSubstr(R"("missing":[{"name":"draining")"));
  EXPECT_EQ(get("/healthz").status, 200U);
}

TEST_F(ServiceRoutesTest, Metrics) {
  metrics_.counter("a_total", "A.").add(5);
  EXPECT_THAT(get("/metrics").body, testing::HasSubstr("simplechat_a_total 5"));
}

}  // namespace
}  // namespace simplechat::runtime
