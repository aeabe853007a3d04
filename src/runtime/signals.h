// What a process settles with its system at start: how it is told to stop, and how many files it may open.
#pragma once

#include <csignal>
#include <cstddef>

namespace simplechat::runtime {

// Made first in main(), before any thread is started: SIGTERM and SIGINT are blocked in this thread and in those that
// it starts, and only wait() takes them. SIGPIPE is ignored: a peer that is gone is an error of the write.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Blocks until SIGTERM or SIGINT comes and returns which. From then on a second one ends the process at once.
  int wait();

 private:
  sigset_t signals_;
};

// Raises the soft limit of open files to the hard one, as every connection is one. Returns the limit that holds then.
std::size_t raise_open_files_limit();

}  // namespace simplechat::runtime
