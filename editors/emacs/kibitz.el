;;; kibitz.el --- A quiet code reviewer that looks over your shoulder  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The kibitz developers

;; Author: The kibitz developers
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: tools, languages, convenience
;; URL: https://github.com/kibitz-dev/kibitz
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; kibitz sends what you changed to a language model, and shows what it
;; finds as diagnostics with quick fixes.  This package starts its language
;; server, by Eglot or by lsp-mode, and adds commands, a status in the mode
;; line and settings:
;;
;;   (add-hook 'python-mode-hook #'kibitz-ensure)
;;
;; Eglot takes one server for each buffer.  To have kibitz beside another
;; one, use lsp-mode, where it is an add-on:
;;
;;   (with-eval-after-load 'lsp-mode (kibitz-register-with-lsp-mode))
;;
;; `kibitz-check' needs neither: it reviews a file in a compilation buffer.

;;; Code:

(require 'cl-lib)
(require 'compile)
(require 'eglot)
(require 'flymake)
(require 'jsonrpc)
(require 'seq)
(require 'subr-x)

(declare-function lsp-workspaces "ext:lsp-mode")
(declare-function lsp-diagnostics "ext:lsp-mode")
(declare-function lsp-diagnostics--flymake-after-diagnostics "ext:lsp-diagnostics")
(declare-function lsp-register-client "ext:lsp-mode")
(declare-function lsp-stdio-connection "ext:lsp-mode")
(declare-function lsp-workspace-restart "ext:lsp-mode")
(declare-function lsp--client-server-id "ext:lsp-mode")
(declare-function lsp--fix-path-casing "ext:lsp-mode")
(declare-function lsp--path-to-uri "ext:lsp-mode")
(declare-function lsp--send-notification "ext:lsp-mode")
(declare-function lsp--send-request-async "ext:lsp-mode")
(declare-function lsp--make-request "ext:lsp-mode")
(declare-function lsp--make-notification "ext:lsp-mode")
(declare-function lsp--workspace-client "ext:lsp-mode")
(declare-function make-lsp-client "ext:lsp-mode")
(defvar lsp--cur-workspace)
(defvar lsp-diagnostics-updated-hook)

(defgroup kibitz nil
  "A quiet code reviewer that looks over your shoulder."
  :group 'tools
  :prefix "kibitz-"
  :link '(url-link "https://github.com/kibitz-dev/kibitz"))

(defcustom kibitz-program '("kibitz" "serve")
  "The command that starts the language server, and its arguments."
  :type '(repeat string))

(defcustom kibitz-modes
  '(python-mode python-ts-mode js-mode js-ts-mode typescript-mode
    typescript-ts-mode tsx-ts-mode go-mode go-ts-mode rust-mode rust-ts-mode
    java-mode java-ts-mode c-mode c-ts-mode c++-mode c++-ts-mode csharp-mode
    csharp-ts-mode ruby-mode ruby-ts-mode php-mode php-ts-mode sh-mode
    bash-ts-mode)
  "The major modes whose buffers lsp-mode has reviewed."
  :type '(repeat symbol))

(defun kibitz--set-settings (symbol value)
  "Set SYMBOL to VALUE, and tell the servers that run."
  (set-default symbol value)
  (when (fboundp 'kibitz--settings-changed)
    (kibitz--settings-changed)))

(defcustom kibitz-settings nil
  "Settings of kibitz, as a plist: (:min_severity \"warning\" :early t).
The page docs/settings.md of kibitz has all of them; no key, address or
budget is taken from an editor.  False is :json-false, and a list is a
vector.  When it is changed with Customize, or with `setopt' or
`customize-set-variable', servers that run follow at once."
  :type '(plist :key-type symbol :value-type sexp)
  :set #'kibitz--set-settings
  :initialize #'custom-initialize-default)

(defcustom kibitz-show-status t
  "Whether the mode line tells what kibitz is doing, and what it cost today."
  :type 'boolean)

(defconst kibitz--patience 600
  "Seconds that an answer may take for which a model is asked.")

;;; What the server says

(defvar kibitz--statuses (make-hash-table :test #'eq :weakness 'key)
  "What each server said last that it is doing, by server.")

(defvar kibitz--quiet 0
  "How many answers are shown in another way, so that they are not said twice.")

(defvar kibitz--told-missing nil
  "Whether it was said that there is no server.")

(defconst kibitz--mode-line-item
  '(:eval (let ((status (and kibitz-show-status (kibitz-mode-line))))
            (if (member status '(nil "")) "" (concat "[" status "] "))))
  "What is put into `mode-line-misc-info'.")

(defun kibitz--at (object key)
  "What OBJECT, from JSON, has at KEY, a keyword."
  (if (hash-table-p object)
      (gethash (substring (symbol-name key) 1) object)
    (plist-get object key)))

(defun kibitz--hear-status (server status)
  "Keep the STATUS of SERVER, and show it."
  (puthash server status kibitz--statuses)
  (when kibitz-show-status
    (add-to-list 'mode-line-misc-info kibitz--mode-line-item t))
  (force-mode-line-update t))

(defun kibitz--hear-message (type message)
  "Show MESSAGE of the server; a TYPE of 1 or 2 is a warning."
  (when (zerop kibitz--quiet)
    (message "%s" (if (memq type '(1 2)) (propertize message 'face 'warning) message))))

;;; The status

(defun kibitz--cost (status)
  "What today cost by STATUS, for people; nil if not known, or nothing."
  (let* ((today (kibitz--at status :today))
         (usd (and today (not (eq today :null)) (kibitz--at today :costUsd))))
    (when (and (numberp usd) (> usd 0))
      (format (if (< usd 1) "$%.4f" "$%.2f") usd))))

(defun kibitz--mark (state)
  "The mode line's word for STATE, a string."
  (pcase state
    ("busy" "…")
    ("degraded" "!")
    ((or "paused" "off") state)))

(defun kibitz-mode-line ()
  "What kibitz is doing in this buffer, for a mode line: \"kibitz 2 $0.0031\".
Empty where it does not run."
  (let* ((server (kibitz--server))
         (status (and server (gethash server kibitz--statuses))))
    (if (null status)
        ""
      (let ((findings (or (kibitz--at status :findings) 0))
            (why (kibitz--at status :message))
            (action (kibitz--at status :action)))
        (propertize
         (string-replace
          "%" "%%"
          (string-join
           (delq nil (list "kibitz" (kibitz--mark (kibitz--at status :state))
                           (and (> findings 0) (number-to-string findings))
                           (kibitz--cost status)))
           " "))
         'help-echo (string-join (delete "" (list (or why "") (or action ""))) "\n"))))))

;;; Eglot

(defclass kibitz-eglot-server (eglot-lsp-server) ()
  :documentation "The language server of kibitz.")

(cl-defmethod eglot-handle-notification
  (server (_method (eql '$/kibitz/status)) &rest status)
  "Keep the STATUS of SERVER."
  (kibitz--hear-status server status))

(cl-defmethod eglot-handle-notification
  ((_server kibitz-eglot-server) (_method (eql 'window/showMessage)) &key type message)
  "Show MESSAGE, a warning or not by TYPE."
  (kibitz--hear-message type message))

(cl-defmethod eglot-handle-request
  ((_server kibitz-eglot-server) (_method (eql 'workspace/configuration)) &key items)
  "Answer with `kibitz-settings', and those of Eglot's own variable.
ITEMS are what is asked for."
  (let ((said (cl-call-next-method)))
    (vconcat (cl-map 'list #'kibitz--merged (append said nil)
                     (append items (make-list (length said) nil))))))

(cl-defmethod eglot-client-capabilities ((_server kibitz-eglot-server))
  "Take hovers as plain text: not every Markdown mode hides its escapes."
  (let ((all (cl-call-next-method)))
    (plist-put (plist-get (plist-get all :textDocument) :hover) :contentFormat ["plaintext"])
    all))

(defun kibitz--merged (said _item)
  "Our settings, and over them those of SAID, a plist."
  (let ((merged (copy-sequence kibitz-settings)))
    (when (and (consp said) (keywordp (car said)))
      (cl-loop for (name value) on said by #'cddr
               do (setq merged (plist-put merged name value))))
    ;; Nothing is an empty object to JSON, whose writers differ about null.
    (or merged (make-hash-table :test #'equal))))

(defun kibitz--contact ()
  "What to start, in the terms of Eglot."
  (cons 'kibitz-eglot-server kibitz-program))

(defun kibitz--missing ()
  "Why nothing can run, if that is so, and what to do."
  (unless (executable-find (car kibitz-program))
    (format "The server is not installed: there is no command `%s'.  %s"
            (car kibitz-program)
            "Install it so that it is on your PATH (with pipx or uv, as its README says), \
or name it in the option `kibitz-program'")))

(defun kibitz--choose-for-eglot ()
  "Have Eglot start kibitz in this buffer, whatever it would start otherwise."
  (setq-local eglot-server-programs
              (cons (cons major-mode (kibitz--contact)) eglot-server-programs)))

;;;###autoload
(defun kibitz-ensure ()
  "Have this buffer reviewed, by Eglot.  For hooks of major modes.
That the server is missing is said once."
  (let ((missing (kibitz--missing)))
    (cond ((null missing)
           (kibitz--choose-for-eglot)
           (eglot-ensure))
          ((not kibitz--told-missing)
           (setq kibitz--told-missing t)
           (display-warning 'kibitz missing :warning)))))

;;;###autoload
(defun kibitz ()
  "Have this buffer reviewed, by Eglot."
  (interactive)
  (when-let ((missing (kibitz--missing)))
    (user-error "kibitz: %s" missing))
  (cond ((kibitz--server)
         (message "kibitz runs here already"))
        ((eglot-current-server)
         (user-error "Eglot has another server for this buffer, and takes one only.  \
Use lsp-mode to have both, `M-x kibitz-check', or `M-x eglot-shutdown' first"))
        (t
         (kibitz--choose-for-eglot)
         (apply #'eglot (eglot--guess-contact)))))

(defun kibitz--eglot-server ()
  "Eglot's server of this buffer, if it is kibitz."
  (when-let ((server (eglot-current-server)))
    (and (or (cl-typep server 'kibitz-eglot-server) (gethash server kibitz--statuses))
         server)))

;;; Lsp-mode

;;;###autoload
(defun kibitz-register-with-lsp-mode ()
  "Have lsp-mode start kibitz, beside other servers.  Call it once."
  (require 'lsp-mode)
  (add-hook 'lsp-diagnostics-updated-hook #'kibitz--show-all-diagnostics)
  (lsp-register-client
   (make-lsp-client
    :new-connection (lsp-stdio-connection (lambda () kibitz-program))
    :activation-fn (lambda (_file mode) (apply #'provided-mode-derived-p mode kibitz-modes))
    :server-id 'kibitz
    :add-on? t
    :priority -10
    :multi-root t
    :notification-handlers
    (kibitz--table
     "$/kibitz/status" #'kibitz--hear-status
     "window/showMessage" (lambda (_workspace params)
                            (kibitz--hear-message (kibitz--at params :type)
                                                  (kibitz--at params :message))))
    :request-handlers
    (kibitz--table
     "workspace/configuration"
     (lambda (_workspace params)
       (vconcat (mapcar (lambda (_item) (kibitz--merged nil nil))
                        (append (kibitz--at params :items) nil))))))))

(defun kibitz--show-all-diagnostics ()
  "Have Flymake show what all servers of this buffer said.
When one of them says something, lsp-mode has Flymake show that alone."
  (when (and (memq #'lsp-diagnostics--flymake-after-diagnostics
                   lsp-diagnostics-updated-hook)
             (bound-and-true-p flymake-mode))
    (let ((lsp--cur-workspace nil))
      (lsp-diagnostics--flymake-after-diagnostics))))

(defun kibitz--table (&rest names-and-values)
  "A hash table of NAMES-AND-VALUES."
  (let ((table (make-hash-table :test #'equal)))
    (cl-loop for (name value) on names-and-values by #'cddr
             do (puthash name value table))
    table))

(defun kibitz--lsp-workspace ()
  "The workspace of lsp-mode in which kibitz serves this buffer."
  (and (bound-and-true-p lsp-mode)
       (seq-find (lambda (workspace)
                   (eq (lsp--client-server-id (lsp--workspace-client workspace)) 'kibitz))
                 (lsp-workspaces))))

;;; Either

(defun kibitz--server ()
  "What serves this buffer: of Eglot, or of lsp-mode, or nil."
  (or (kibitz--eglot-server) (kibitz--lsp-workspace)))

(defun kibitz--server-or-lose ()
  "What serves this buffer."
  (or (kibitz--server)
      (user-error "kibitz: %s" (or (kibitz--missing)
                                   "It does not run in this buffer.  M-x kibitz starts it"))))

(defun kibitz--uri ()
  "The URI of this buffer, as its client has it."
  (if (kibitz--eglot-server)
      (plist-get (eglot--TextDocumentIdentifier) :uri)
    (lsp--path-to-uri buffer-file-name)))

(defun kibitz--execute (command &optional argument answered)
  "Have the server execute COMMAND with ARGUMENT, a plist.
Nothing waits.  ANSWERED is called with the answer, if there is one; then
nothing is shown of the server's own messages until it came."
  (let* ((server (kibitz--server-or-lose))
         (params (list :command (concat "kibitz." command)
                       :arguments (if argument (vector argument) [])))
         (buffer (current-buffer))
         (over (lambda ()
                 (when answered
                   (cl-decf kibitz--quiet))))
         (success (lambda (result)
                    (funcall over)
                    (when (and answered (buffer-live-p buffer))
                      (with-current-buffer buffer
                        (funcall answered result)))))
         (failure (lambda (failure &rest _)
                    (funcall over)
                    (message "kibitz: %s" (kibitz--at failure :message)))))
    (when answered
      (cl-incf kibitz--quiet))
    (if (cl-typep server 'eglot-lsp-server)
        (jsonrpc-async-request server :workspace/executeCommand params
                               :success-fn success :error-fn failure
                               :timeout-fn (lambda () (funcall over)
                                             (message "kibitz: no answer to %s" command))
                               :timeout kibitz--patience)
      (let ((lsp--cur-workspace server))
        (lsp--send-request-async (lsp--make-request "workspace/executeCommand" params)
                                 success 'detached failure)))))

(defun kibitz--settings-changed ()
  "Tell all servers that the settings are others."
  (let ((params (list :settings (list :kibitz (kibitz--merged nil nil)))))
    (maphash
     (lambda (server _status)
       (if (cl-typep server 'eglot-lsp-server)
           (when (jsonrpc-running-p server)
             (jsonrpc-notify server :workspace/didChangeConfiguration params))
         (let ((lsp--cur-workspace server))
           (lsp--send-notification
            (lsp--make-notification "workspace/didChangeConfiguration" params)))))
     kibitz--statuses)))

(defun kibitz--show-text (text)
  "Show TEXT in a window of its own."
  (with-help-window "*kibitz*"
    (princ text)))

;;; Findings

(defun kibitz--diagnostics-here ()
  "The diagnostics on this line, as the server sent them."
  (if (kibitz--eglot-server)
      (mapcar (lambda (diagnostic)
                (alist-get 'eglot-lsp-diag (flymake-diagnostic-data diagnostic)))
              (flymake-diagnostics (line-beginning-position) (line-end-position)))
    (let ((line (1- (line-number-at-pos nil t))))
      (seq-filter
       (lambda (diagnostic)
         (let ((range (kibitz--at diagnostic :range)))
           (<= (kibitz--at (kibitz--at range :start) :line) line
               (kibitz--at (kibitz--at range :end) :line))))
       (append (gethash (lsp--fix-path-casing buffer-file-name) (lsp-diagnostics)) nil)))))

(defun kibitz--title (diagnostic)
  "The first line of DIAGNOSTIC."
  (car (split-string (kibitz--at diagnostic :message) "\n")))

(defun kibitz--choose-finding (dismissed)
  "What names a finding on this line to the server; several are asked about.
DISMISSED: one that was dismissed is wanted."
  (kibitz--server-or-lose)
  (let* ((found (seq-filter
                 (lambda (diagnostic)
                   (and (equal (kibitz--at diagnostic :source) "kibitz")
                        (eq (eq (kibitz--at (kibitz--at diagnostic :data) :dismissed) t)
                            dismissed)))
                 (kibitz--diagnostics-here)))
         (titles (mapcar (lambda (each) (cons (kibitz--title each) each)) found))
         (chosen (cond ((null found)
                        (user-error
                         (if dismissed
                             "No dismissed finding on this line (M-x kibitz-show-dismissed)"
                           "No finding of kibitz on this line")))
                       ((null (cdr found)) (car found))
                       (t (cdr (assoc (completing-read "Which finding? " titles nil t)
                                      titles))))))
    (list :uri (kibitz--uri) :id (kibitz--at (kibitz--at chosen :data) :id))))

;;; Commands

;;;###autoload
(defun kibitz-analyze ()
  "Review this file now; what failed is tried again."
  (interactive)
  (kibitz--execute "analyzeDocument" (progn (kibitz--server-or-lose)
                                            (list :uri (kibitz--uri)))))

;;;###autoload
(defun kibitz-analyze-workspace ()
  "Review all files of the project.
It asks first where that costs more than a few requests."
  (interactive)
  (kibitz--execute "analyzeWorkspace"))

(defun kibitz-stop ()
  "Cancel what is under way."
  (interactive)
  (kibitz--execute "stop" nil
                   (lambda (_) (message "kibitz: what was under way is cancelled"))))

(defun kibitz-pause ()
  "Review nothing until `kibitz-resume'."
  (interactive)
  (kibitz--execute "pause" nil
                   (lambda (_) (message "kibitz: paused; go on with M-x kibitz-resume"))))

(defun kibitz-resume ()
  "Go on with reviews after `kibitz-pause'."
  (interactive)
  (kibitz--execute "resume" nil (lambda (_) (message "kibitz: goes on"))))

(defun kibitz-fix ()
  "Mend the finding on this line; where it has no fix, ask for one."
  (interactive)
  (kibitz--execute "fix" (kibitz--choose-finding nil)))

(defun kibitz-explain ()
  "Say more about the finding on this line."
  (interactive)
  (kibitz--execute
   "explain" (kibitz--choose-finding nil)
   (lambda (result)
     (kibitz--show-text
      (string-join
       (delq nil (list (kibitz--at result :summary)
                       (kibitz--at result :explanation)
                       (kibitz--listed "Relies on" (kibitz--at result :reliesOn))
                       (kibitz--listed "Breaks when" (kibitz--at result :breaksWhen))))
       "\n\n")))))

(defun kibitz--listed (head items)
  "HEAD, and below it ITEMS; nil if there are none."
  (unless (seq-empty-p items)
    (concat head ":" (mapconcat (lambda (item) (concat "\n- " item)) items ""))))

(defun kibitz-dismiss (reason &optional whole-rule)
  "Show the finding on this line no more, for REASON, which may be empty.
With a prefix argument (WHOLE-RULE), show nothing under its rule in this file."
  (interactive
   (progn (kibitz--choose-finding nil)
          (list (read-string "Why is it dismissed (may be empty)? ") current-prefix-arg)))
  (kibitz--execute
   "dismiss" (append (kibitz--choose-finding nil)
                     (list :scope (if whole-rule "rule" "finding"))
                     (unless (string-blank-p reason)
                       (list :reason (string-trim reason))))))

(defun kibitz-undismiss ()
  "Show the dismissed finding on this line again."
  (interactive)
  (kibitz--execute "undismiss" (kibitz--choose-finding t)))

(defun kibitz-show-dismissed ()
  "Show what was dismissed in this file, or hide it again."
  (interactive)
  (kibitz--server-or-lose)
  (kibitz--execute "showDismissed" (list :uri (kibitz--uri))))

(defun kibitz--show-answer (command &optional argument)
  "Have the server execute COMMAND with ARGUMENT, and show the text it answers."
  (kibitz--execute command argument
                   (lambda (result) (kibitz--show-text (kibitz--at result :text)))))

;;;###autoload
(defun kibitz-status ()
  "Say what kibitz is doing, whom it asks, and what that costs."
  (interactive)
  (kibitz--show-answer "showStatus"))

(defun kibitz-usage ()
  "Say what was asked here and today, and what it cost."
  (interactive)
  (kibitz--show-answer "showUsage"))

(defun kibitz-usage-report ()
  "Show what was asked in a month, and what it cost, as a page in the browser."
  (interactive)
  (kibitz--execute "usageReport" '(:days 30 :show :json-false)
                   (lambda (result)
                     (if-let ((uri (kibitz--at result :uri)))
                         (browse-url uri)
                       (message "kibitz: %s" (kibitz--at result :text))))))

(defun kibitz-show-request ()
  "Show what a review of this file would send now, and to whom.  Sends nothing."
  (interactive)
  (kibitz--server-or-lose)
  (kibitz--show-answer "showRequest" (list :uri (kibitz--uri))))

;;;###autoload
(defun kibitz-doctor (&optional offline)
  "Look whether everything is in order.
It asks the model a question of a few words, unless OFFLINE, a prefix argument."
  (interactive "P")
  (kibitz--show-answer "doctor" (list :offline (if offline t :json-false))))

(defun kibitz-bug-report ()
  "Write a report for developers, without code and keys, and say where it is."
  (interactive)
  (kibitz--execute "bugReport"))

(defun kibitz-reload-key ()
  "Look for the API key again."
  (interactive)
  (kibitz--execute "reloadKey"))

(defun kibitz-clear-cache ()
  "Forget kept answers: the next reviews are paid again."
  (interactive)
  (kibitz--execute "clearCache"))

(defun kibitz-raise-budget ()
  "Let as much again as the budget be spent today."
  (interactive)
  (kibitz--execute "raiseBudget"))

(defun kibitz-restart ()
  "Stop the server, and start it again."
  (interactive)
  (let ((server (kibitz--server)))
    (cond ((null server) (kibitz))
          ((cl-typep server 'eglot-lsp-server) (eglot-reconnect server t))
          (t (lsp-workspace-restart server)))))

;;;###autoload
(defun kibitz-check ()
  "Review this file in a compilation buffer, with neither Eglot nor lsp-mode."
  (interactive)
  (when-let ((missing (kibitz--missing)))
    (user-error "kibitz: %s" missing))
  (unless buffer-file-name
    (user-error "This buffer has no file"))
  (save-some-buffers (not compilation-ask-about-save)
                     (let ((buffer (current-buffer)))
                       (lambda () (eq (current-buffer) buffer))))
  (compile (mapconcat #'shell-quote-argument
                      (list (car kibitz-program) "check" buffer-file-name) " ")))

(provide 'kibitz)

;;; kibitz.el ends here
