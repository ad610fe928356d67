// Where identities come from: the files that paths and folders stand for, and one of them open for reading.
// Nothing here waits: anything but a regular file is refused before it is opened, because opening a FIFO may
// wait forever and a device may never end. Listing runs on the caller's thread; any thread may read a file of
// its own. Bounded by largest_identity_file_bytes, also for a file that grows; failures are texts that say
// why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fleet_sim::identity {

inline constexpr std::uintmax_t largest_identity_file_bytes = 1ull << 30;

struct IdentityFile {
  std::string path;
  bool lines = false;  // .jsonl: one object per line; else a document
};

// What was skipped in folders, so that nothing is left out without a word.
struct PassedOver {
  static constexpr std::size_t most_named = 3;

  std::size_t other_files = 0;     // with other endings
  std::vector<std::string> named;  // the first of them
  std::size_t hidden = 0;
  std::size_t repeated_folders = 0;  // that were read already, as in a loop of links
  std::size_t deep_folders = 0;
};
// "skipped 3 entries in identity folders: 2 without the ending .json or .jsonl (a.csv, b.txt), 1 hidden"; or
// empty.
std::string text_of(const PassedOver& passed_over);

// A folder that cannot be listed, or that should hold identities and has none.
struct UnreadFolder {
  std::string path;
  std::string why;
};

struct FoundFiles {
  std::vector<IdentityFile> files;
  std::vector<UnreadFolder> unread;
  PassedOver passed_over;
};

// The files in the order that numbers their identities: that of the paths, and in a folder that of the names.
// Folders are read with their subfolders (folder_walk.h), in which .json and .jsonl in any case are identity
// files.
FoundFiles find_identity_files(const std::vector<std::filesystem::path>& paths);

// A path as messages show it, with the line if there is one: "identities/a.json:4".
std::string place_in(const std::string& path, std::uint32_t line = 0);

class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(); }

  // False: failure() says why the file cannot be used. Another file that is open is closed first.
  bool open(const std::string& path);

  // Fills the buffer as far as the file goes and returns how far; less than asked for means the end, or a
  // failure, such as a file whose beginning is not UTF-8. To see that, the first buffer has at least
  // files::encoding_bytes.
  std::size_t read(std::span<char> buffer);

  // Why the file cannot be read, or not to its end; empty when all is well.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  void close();
  bool fail(std::string why);

  int descriptor_ = -1;
  std::uintmax_t total_bytes_ = 0;
  std::string failure_;
};

}  // namespace fleet_sim::identity
