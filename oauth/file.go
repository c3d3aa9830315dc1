package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// tokenFile is what the token file of an account holds.
type tokenFile struct {
	RefreshToken string    `json:"refresh_token"`
	Used         time.Time `json:"used"` // when the server last took it
}

// readToken refuses a file that others than its owner may read or write. What
// is missing or wrong stays so until somebody logs in.
func readToken(path string) (f tokenFile, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("no existe %s: %w", path, ErrLasting)
	} else if err != nil {
		return f, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return f, fmt.Errorf("%s tiene permisos %o y debe tener 600; ejecute chmod 600 %s", path, mode, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if json.Unmarshal(raw, &f) != nil || f.RefreshToken == "" {
		return tokenFile{}, fmt.Errorf("%s no contiene un permiso: %w", path, ErrLasting)
	}
	return f, nil
}

// writeToken puts f in the place of path. A crash leaves the old file or the
// new one.
func writeToken(path string, f tokenFile) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	// CreateTemp makes files of mode 0600.
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	err = errors.Join(err, file.Sync(), file.Close(), ownLike(file.Name(), filepath.Dir(path)))
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// makeFolder makes a folder for its owner alone, who is that of the folder above.
func makeFolder(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(path)
	if err := makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return ownLike(path, above)
}

// ownLike gives a file or folder that root has made to the owner of another, so
// that the service reads what an admin got for it.
func ownLike(path, like string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Chown(path, int(st.Uid), int(st.Gid))
	}
	return nil
}
