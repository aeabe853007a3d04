// Routes that only answer who shows a bearer token. Owner: the caller; lives while wiring, as HttpRoutes::add() does.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/http.h"

namespace simplechat::runtime {

class GuardedRoutes {
 public:
  // `token`: not empty. `routes` outlives this.
  GuardedRoutes(HttpRoutes& routes, std::string token);

  // As HttpRoutes::add(); without the token, or with a wrong one, the answer is 401.
  void add(std::string method, std::string_view pattern, HttpRoutes::Handler handler);

 private:
  HttpRoutes& routes_;
  std::shared_ptr<const std::string> expected_;  // the header's value
};

}  // namespace simplechat::runtime
