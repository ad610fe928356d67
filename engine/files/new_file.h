// Files that are safe to write where a user may have files already: a new one appears complete or not at all,
// and one that exists is compared first, and replaced only by a caller that has found it to be ours. One
// thread per file; each owns its descriptor. Throws InvalidInput when the user has to choose another place
// and std::system_error, with the path and the reason, when the system refuses.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace fleet_sim::files {

// A new file that has no name until it is complete, so that nothing is left of it if the process ends
// earlier. If the file system does not support this, it has a hidden temporary name next to its final one,
// which is removed again unless the process is killed.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  void write(std::string_view bytes);

  // Gives the file its name, unless another file has taken it in the meantime.
  void publish();

  // Gives the file its name in place of the one that has it.
  void replace();

 private:
  void open_nameless(const std::filesystem::path& folder);
  void open_named();
  void check_written() const;
  [[nodiscard]] bool link_as(const std::string& name) const;
  [[nodiscard]] bool rename_to_new();

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  bool temporary_exists_ = false;
};

// A file that may exist already, to be compared with bytes that come in pieces.
class PresentFile {
 public:
  // Refuses everything but a readable regular file, or nothing at all.
  explicit PresentFile(const std::string& path);
  PresentFile(const PresentFile&) = delete;
  PresentFile& operator=(const PresentFile&) = delete;
  ~PresentFile();

  [[nodiscard]] bool exists() const { return descriptor_ >= 0; }

  // Refuses the place unless these bytes come next in the file, or ends here.
  void expect(std::string_view bytes);
  void expect_end();

 private:
  std::string read(std::size_t bytes);

  std::string path_;
  int descriptor_ = -1;
};

// With all folders above it; an empty path is the current one.
void make_folder(const std::filesystem::path& folder);

// Writes all bytes to a descriptor that is open already; `name` is for the message.
void write_all(int descriptor, std::string_view bytes, const std::string& name);

}  // namespace fleet_sim::files
