#include "sqlite/naming.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <unordered_set>
#include <utility>

namespace fleet_sim::sqlite {
namespace {

// A group: more files make it no cheaper, and a kill would lose more.
constexpr std::uint64_t readings_of_group = 1'000'000;
constexpr auto longest_wait = std::chrono::seconds(2);
constexpr std::size_t most_groups_waiting = 2;

constexpr auto between_attempts = std::chrono::milliseconds(200);
constexpr unsigned last_attempts = 25;  // once the run has come to its end

constexpr std::string_view suffix = ".new";

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::error_code last_error() {
  return {errno, std::generic_category()};
}

// What no other attempt will change: the file, or its name, is gone.
bool is_final(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::file_exists;
}

}  // namespace

std::string nameless_path(const std::string& path) {
  return path + std::string(suffix);
}

std::error_code give_name(const std::string& path) {
  const std::string from = nameless_path(path);
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return last_error();
  return std::rename(from.c_str(), path.c_str()) == 0 ? std::error_code() : last_error();
}

std::size_t remove_nameless(const std::string& folder, const write::Targets* only_of) {
  const std::string of_shard = ".db" + std::string(suffix);
  std::unordered_set<std::string> ours;
  std::size_t removed = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(of_shard)) continue;
    for (std::size_t w = 0; only_of != nullptr && ours.empty() && w < only_of->size(); ++w) {
      for (const write::Target& target : (*only_of)[w])
        ours.insert(nameless_path(std::filesystem::path(target.name).filename().string()));
    }
    if (only_of != nullptr && !ours.contains(name)) continue;
    if (std::filesystem::remove(entry.path(), error)) ++removed;
  }
  return removed;
}

std::error_code sync_all(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return last_error();
  const std::error_code error = ::syncfs(descriptor) == 0 ? std::error_code() : last_error();
  ::close(descriptor);
  return error;
}

Naming::Naming(write::Lines log) : log_(std::move(log)), thread_([this] { run(); }) {}

Naming::~Naming() {
  finish();
}

void Naming::add(File file) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < most_groups_waiting * files_of_group; });
  if (waiting_.empty()) since_ = std::chrono::steady_clock::now();
  readings_ += file.readings;
  waiting_.push_back(std::move(file));
  if (waiting_.size() == 1 || is_group_due()) changed_.notify_all();
}

void Naming::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Naming::is_group_due() const {
  return waiting_.size() >= files_of_group || readings_ >= readings_of_group;
}

void Naming::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return finishing_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    changed_.wait_until(lock, since_ + longest_wait, [this] { return finishing_ || is_group_due(); });
    Files files = std::exchange(waiting_, {});
    readings_ = 0;
    lock.unlock();
    changed_.notify_all();
    name_all(std::move(files));
    lock.lock();
  }
  lock.unlock();
  if (!folder_.empty()) static_cast<void>(sync_all(folder_));  // the last names
}

void Naming::name_all(Files files) {
  folder_ = folder_of(files.front().path);
  for (unsigned attempts = 1;; ++attempts) {
    const std::error_code error = name(files);
    if (files.empty()) {
      if (attempts > 1) log_.change(fmt::format("{}: new files get their names again", folder_));
      return;
    }
    if (attempts == 1) {
      log_.change(fmt::format("{}: new files cannot be named yet, and are lost if this process is killed: {}",
                              folder_, error.message()));
    }
    if (may_try_again(attempts)) continue;
    for (const File& file : files) log_.change(fmt::format("{}: could not be given its name", file.path));
    return;
  }
}

// Leaves those that could not be named yet. The names are on the disk with the files of the next group.
std::error_code Naming::name(Files& files) {
  std::error_code first = sync_all(folder_);
  if (first && !is_final(first)) return first;
  first.clear();
  std::erase_if(files, [&](const File& file) {
    const std::error_code error = give_name(file.path);
    if (!error) settled_.fetch_add(file.readings, std::memory_order_relaxed);
    if (is_final(error))
      log_.change(fmt::format("{}: could not be given its name: {}", file.path, error.message()));
    if (error && !is_final(error) && !first) first = error;
    return !error || is_final(error);
  });
  return first;
}

bool Naming::may_try_again(unsigned attempts) {
  std::unique_lock lock(mutex_);
  if (finishing_ && attempts >= last_attempts) return false;
  changed_.wait_for(lock, between_attempts, [] { return false; });
  return true;
}

}  // namespace fleet_sim::sqlite
