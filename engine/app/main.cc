// fleet-sim's entry point: prepares the process, runs the command line, and turns what a command throws into
// an exit code.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "app/command_line.h"
#include "base/problems.h"
#include "run/exit_code.h"

namespace fleet_sim::app {
namespace {

// Where standard input, output or error is closed, the next file opened would take its place and get our
// messages.
void occupy_standard_descriptors() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = open("/dev/null", O_RDWR);
  if (descriptor > STDERR_FILENO) close(descriptor);
}

int fail(const char* what, run::ExitCode code) {
  std::fprintf(stderr, "fleet-sim: %s\n", what);
  return static_cast<int>(code);
}

}  // namespace
}  // namespace fleet_sim::app

int main(int argc, char** argv) {
  using namespace fleet_sim;
  using namespace fleet_sim::app;
  // A reader of our output that goes away must not end a run.
  std::signal(SIGPIPE, SIG_IGN);
  // Nor may a limit on the size of files, which is met like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  occupy_standard_descriptors();
  try {
    return run_command_line(argc, argv);
  } catch (const InvalidInput& error) {
    return fail(error.what(), run::ExitCode::invalid_input);
  } catch (const run::NoStorage& error) {
    return fail(error.what(), run::ExitCode::no_storage);
  } catch (const std::exception& error) {
    return fail(error.what(), run::ExitCode::lost_or_gave_up);
  }
}
