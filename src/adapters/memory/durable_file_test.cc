#include "adapters/memory/durable_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "adapters/memory/file_size_limit.h"
#include "adapters/memory/temporary_file.h"

namespace simplechat::adapters::memory {
namespace {

TEST(AppendDurably, AddsToWhatIsThere) {
  const TemporaryFile file;
  EXPECT_EQ(append_durably(file.path(), "one\n"), 0);
  EXPECT_EQ(append_durably(file.path(), "two\nthree\n"), 0);
  EXPECT_EQ(file.text(), "one\ntwo\nthree\n");
}

TEST(AppendDurably, LeavesNothingOfALineForWhichTheDiskWasTooFull) {
  const TemporaryFile file;
  ASSERT_EQ(append_durably(file.path(), "one\n"), 0);
  {
    const FileSizeLimit full(6);
    EXPECT_EQ(append_durably(file.path(), "two\n"), EFBIG);
  }
  EXPECT_EQ(file.text(), "one\n");
  EXPECT_EQ(append_durably(file.path(), "three\n"), 0);
  EXPECT_EQ(file.text(), "one\nthree\n");
}

TEST(AppendDurably, CutsOffALineWithoutAnEnd) {
  for (const std::string& whole : {std::string(), std::string("one\n"), std::string(10'000, 'x') + "\n"}) {
    for (const std::size_t bytes : {1, 4095, 4096, 10'000}) {
      const TemporaryFile file;
      file.append(whole + std::string(bytes, 'y'));
      EXPECT_EQ(append_durably(file.path(), "two\n"), 0);
      EXPECT_TRUE(file.text() == whole + "two\n") << whole.size() << " whole, " << bytes << " not";
    }
  }
}

}  // namespace
}  // namespace simplechat::adapters::memory
