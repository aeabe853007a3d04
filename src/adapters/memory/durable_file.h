// Writes a file of lines and has it on the disk before it returns. Blocks: for a thread of its own.
#pragma once

#include <filesystem>
#include <string_view>

namespace simplechat::adapters::memory {

// Appends whole lines, all of them or, if that fails, none. Makes the file, readable by its owner alone, if there is
// none. A last line that has no end, as a crash leaves it, is cut off before. 0, or the errno of what failed.
[[nodiscard]] int append_durably(const std::filesystem::path& path, std::string_view lines);

// Puts `text` in the place of the file's content: after a crash it has the old or the new. 0, or an errno.
[[nodiscard]] int replace_durably(const std::filesystem::path& path, std::string_view text);

}  // namespace simplechat::adapters::memory
