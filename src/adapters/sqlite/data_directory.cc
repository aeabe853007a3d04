#include "adapters/sqlite/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace simplechat::adapters::sqlite {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw std::runtime_error(fmt::format("data directory {}: {}", path.string(), why));
}

std::string reason(int error) { return std::generic_category().message(error); }

void make(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::create_directories(path, error)) {
    if (error) refuse(path, fmt::format("can't be made: {}", error.message()));
    return;  // it was there, with whatever permissions its owner chose
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error) refuse(path, fmt::format("can't be made private: {}", error.message()));
}

}  // namespace

DataDirectory::DataDirectory(const std::filesystem::path& path) : path_(path) {
  make(path);
  lock_ = ::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) refuse(path, fmt::format("can't be written: {}", reason(errno)));
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(lock_);
  refuse(path,
         error == EWOULDBLOCK ? "is in use by another process" : fmt::format("can't be locked: {}", reason(error)));
}

DataDirectory::~DataDirectory() { ::close(lock_); }

}  // namespace simplechat::adapters::sqlite
