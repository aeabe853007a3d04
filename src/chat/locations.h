// Which gateways hold each of some users: the answer to Directory::locate(). One value for thousands of users, in which
// each gateway's url stands once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace simplechat::chat {

class Locations {
 public:
  // The next user, on no gateway so far.
  void add_user() { users_.push_back({.first = holders_.size(), .count = 0}); }
  // One more gateway of the user added last.
  void add_gateway(std::string_view url) {
    holders_.push_back(index_of(url));
    ++users_.back().count;
  }
  [[nodiscard]] std::size_t size() const { return users_.size(); }
  // The urls of the user's gateways, in the order in which they were added.
  [[nodiscard]] auto of(std::size_t user) const {
    return std::span(holders_).subspan(users_[user].first, users_[user].count) |
           std::views::transform([this](std::uint32_t holder) -> const std::string& { return urls_[holder]; });
  }

  // `count` users of `other` from `first` on.
  void append(const Locations& other, std::size_t first, std::size_t count) {
    for (std::size_t user = first; user < first + count; ++user) {
      add_user();
      for (const std::string& url : other.of(user)) add_gateway(url);
    }
  }

 private:
  struct User {
    std::size_t first;  // in holders_
    std::size_t count;
  };

  [[nodiscard]] std::uint32_t index_of(std::string_view url) {
    if (!holders_.empty() && urls_[holders_.back()] == url) return holders_.back();
    const auto [known, is_new] = indexes_.try_emplace(std::string(url), static_cast<std::uint32_t>(urls_.size()));
    if (is_new) urls_.emplace_back(url);
    return known->second;
  }

  std::vector<User> users_;
  std::vector<std::uint32_t> holders_;  // indexes of urls_, user after user
  std::vector<std::string> urls_;
  std::unordered_map<std::string, std::uint32_t> indexes_;  // by url
};

}  // namespace simplechat::chat
