// Locations as lists of urls, for tests to compare.
#pragma once

#include <string>
#include <vector>

#include "chat/locations.h"

namespace simplechat::adapters::contract {

inline std::vector<std::vector<std::string>> urls_of(const chat::Locations& locations) {
  std::vector<std::vector<std::string>> all(locations.size());
  for (std::size_t user = 0; user < locations.size(); ++user) {
    for (const std::string& url : locations.of(user)) all[user].push_back(url);
  }
  return all;
}

}  // namespace simplechat::adapters::contract
