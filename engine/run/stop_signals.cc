#include "run/stop_signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace fleet_sim::run {
namespace {

constexpr int forced_exit = 130;

// `timeout` sends its signal twice, to the process and to its group; nobody presses Ctrl-C twice as fast.
constexpr std::chrono::milliseconds one_wish{100};

// A line of progress may stand on the terminal; what comes next begins on a line of its own.
[[noreturn]] void end_now() {
  if (isatty(STDERR_FILENO) == 1) static_cast<void>(::write(STDERR_FILENO, "\n", 1) == 1);
  _exit(forced_exit);
}

// A terminal that hangs up is taken from all processes of its session before they are told.
bool has_terminal() {
  const int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) close(terminal);
  return terminal >= 0;
}

bool ignores_hang_up() {
  struct sigaction action {};
  return sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool ends_with_terminal = false;

// Of the calling thread, and of those that it starts.
void change_mask(int how, std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(how, &set, nullptr);
}

}  // namespace

void hold_reloads() {
  ends_with_terminal = has_terminal() && !ignores_hang_up();
  change_mask(SIG_BLOCK, {SIGHUP});
}

StopSignals& StopSignals::of_process() {
  static auto* const signals = new StopSignals;
  return *signals;
}

StopSignals::StopSignals() : signals_(context_, SIGINT, SIGTERM) {
  listen();
}

void StopSignals::listen() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      hung_up();
      return listen();
    }
    const auto now = std::chrono::steady_clock::now();
    if (received_ == 0) {
      received_ = signal;
      received_at_ = now;
      context_.stop();
    } else if (now - received_at_ > one_wish) {
      end_now();
    }
    listen();
  });
}

// A shell passes on what the kernel has sent, so that one hang-up may come several times: it never forces.
void StopSignals::hung_up() {
  if (!ends_with_terminal || has_terminal()) {
    reload_ = true;
  } else if (received_ == 0) {
    received_ = SIGHUP;
    received_at_ = std::chrono::steady_clock::now();
  }
  context_.stop();
}

void StopSignals::listen_for_reloads() {
  signals_.add(SIGHUP);
  change_mask(SIG_UNBLOCK, {SIGHUP});
}

void StopSignals::wait_for(std::chrono::milliseconds span) {
  context_.restart();
  context_.run_for(span);
}

}  // namespace fleet_sim::run
