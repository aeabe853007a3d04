#include "adapters/memory/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <system_error>

namespace simplechat::adapters::memory {
namespace {

int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

int write_durably(const std::filesystem::path& path, int flags, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (file < 0) return errno;
  const int error = write_all(file, text);
  ::close(file);
  return error;
}

// A new name is durable once its directory is.
int sync_directory(const std::filesystem::path& directory) {
  const int file = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  return error;
}

}  // namespace

int append_durably(const std::filesystem::path& path, std::string_view text) {
  std::error_code unknown;
  const bool is_new = !std::filesystem::exists(path, unknown);
  if (const int error = write_durably(path, O_APPEND, text); error != 0) return error;
  return is_new ? sync_directory(path.parent_path()) : 0;
}

int replace_durably(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path fresh = path.string() + ".new";
  if (const int error = write_durably(fresh, O_TRUNC, text); error != 0) return error;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return errno;
  return sync_directory(path.parent_path());
}

}  // namespace simplechat::adapters::memory
