# A failed upgrade may have to be rolled back, which loses local logs; and an upload of some gigabytes may
# break. Neither may leave the environment in a state that nobody meant.
@Risks
Feature: Risks
  RISK-1: A rollback loses local logs, so a remote syslog server collects them.
  RISK-2: A timeout or a network outage can break the upload; a broken upload is continued or repeated without harm.

  Background:
    Given Test runs version 38 and Production runs version 38
    And the package holds version 39.1

  @RISK-1 @Test
  Scenario: Without a remote syslog server nothing is upgraded
    Given no remote syslog server is configured for Test
    When Test is upgraded
    Then the upgrade stops at "Check that a remote syslog collects the logs"
    And the reason says "configure a remote syslog server"
    And nothing has been changed on any system

  @RISK-1 @Test
  Scenario: A syslog server that a location does not use collects nothing from there
    Given the location "Location A" of Test does not use the remote syslog server
    When the plan for Test is looked at
    Then the check "Check that a remote syslog collects the logs" refuses
    And the reason says "Location A"

  @RISK-1 @Test
  Scenario: A failed upgrade is rolled back to the recovery points, named with Pexip's support case
    Given the VbV service is impaired for the next 1 check
    And the operator decides to roll back after "Test the service's endpoints"
    And the answer to "Approve the rollback" has "support-case" as PEX-4711
    When Test is upgraded
    Then the upgrade has ended as rolled back
    And these calls were made in this order, among others:
      | system       | call                          | on                |
      | Pexip Test   | start the upgrade             |                   |
      | Azure        | stop                          | vm-node-mgmt-core |
      | Azure        | restore                       | vm-node-mgmt-core |
      | Azure        | start                         | vm-node-mgmt-core |
      | Azure        | stop                          | vm-node-conf-core |
      | Azure        | restore                       | vm-node-conf-core |
      | Azure        | start                         | vm-node-conf-core |
      | Pexip Test   | switch the session timeout on |                   |
      | Azure DevOps | resume the pipeline           |                   |
    And the record of "Approve the rollback" says "PEX-4711"
    And every node of Test runs version 38
    And every VM of Test runs
    And nothing is left to put back

  @RISK-1 @Test
  Scenario: Nothing is rolled back before Pexip was asked
    Given the VbV service is impaired for the next 1 check
    And the operator decides to roll back after "Test the service's endpoints"
    And nobody answers "Approve the rollback" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Approve the rollback"
    And "Azure: restore vm-node-mgmt-core" was called 0 times
    And every VM of Test runs

  @RISK-1 @POL-0 @Test
  Scenario: Consent to a rollback is not consent to another plan's
    Given the VbV service is impaired for the next 1 check
    And the operator decides to roll back after "Test the service's endpoints"
    And nobody answers "Approve the rollback" yet
    And an upgrade of Test was begun
    When a second person approves another plan's rollback and the upgrade of Test is resumed
    Then the upgrade waits for an answer to "Approve the rollback"
    And "Azure: restore vm-node-mgmt-core" was called 0 times

  @RISK-1 @Test
  Scenario: When the workstation fails in a rollback, no VM is restored twice
    Given the VbV service is impaired for the next 1 check
    And the operator decides to roll back after "Test the service's endpoints"
    And the workstation stops right after "Azure: restore vm-node-mgmt-core"
    And an upgrade of Test was begun
    When the upgrade of Test is resumed
    Then the upgrade stops at "Restore vm-node-mgmt-core"
    And "Azure: restore vm-node-mgmt-core" was called 1 time
    And the pipeline is paused

  @RISK-1 @Production
  Scenario: A rollback of Production leaves Test as it is
    Given Test has been upgraded in this way
    And the VbV service is impaired for the next 1 check
    And the operator decides to roll back after "Test the service's endpoints"
    When Production is upgraded
    Then the upgrade has ended as rolled back
    And these calls were made in this order, among others:
      | system           | call                          | on                |
      | Pexip Production | start the upgrade             |                   |
      | Azure            | restore                       | vm-node-mgmt-test |
      | Azure            | start                         | vm-node-mgmt-test |
      | Azure            | restore                       | vm-node-conf-test |
      | Azure            | start                         | vm-node-conf-test |
      | Pexip Production | switch the session timeout on |                   |
      | Azure DevOps     | resume the pipeline           |                   |
    And every node of Production runs version 38
    And every node of Test runs version 39.1
    And every VM of Production runs
    And nothing is left to put back

  @RISK-2 @Test
  Scenario: A login that ends, an error page and a connection that breaks during the upload do no harm
    Given when "Upload the package" begins, the login to the Management Node of Test ends
    And "Pexip Test: send the package" is answered 2 times with an error page
    And the connection breaks in the middle of the 2nd part of the package
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: announce the package" was called 1 time
    And "Pexip Test: start the upgrade" was called 1 time
    And every node of Test runs version 39.1

  @RISK-2 @UPG-5 @Test
  Scenario: Whoever takes an upgrade over is the only one who goes on with it
    Given when "Upload the package" begins, a colleague takes the upgrade of Test over
    When Test is upgraded
    Then the reason says "taken over"
    And "Pexip Test: announce the package" was called 1 time
    And "Pexip Test: start the upgrade" was called 1 time
    And "Azure DevOps: resume the pipeline" was called 1 time
    And every node of Test runs version 39.1
    And the session timeout of Test is on

  @RISK-2 @PRE-4 @Test
  Scenario: When the workstation fails during the upload, the rest is sent later
    Given the workstation stops right after "Pexip Test: send the package"
    And an upgrade of Test was begun
    When the upgrade of Test is resumed
    Then the upgrade has ended as completed
    And the upload was continued where it had stopped
    And "Pexip Test: announce the package" was called 1 time
    And "Azure: stop vm-node-mgmt-core" was called 1 time

  @RISK-2 @Test
  Scenario: Whoever gives up after half an upload leaves no trace
    Given the workstation stops right after "Pexip Test: send the package"
    And an upgrade of Test was begun
    When everything is put back for Test
    Then the upgrade has ended as aborted
    And "Pexip Test: cancel the upload" was called 1 time
    And "Pexip Test: start the upgrade" was called 0 times
    And the session timeout of Test is on
    And the pipeline is enabled
    And nothing is left to put back

  @RISK-2 @SNAP-1 @Test
  Scenario: Whoever gives up while the VMs are off has them running again
    Given the snapshot of each VM fails once
    And the operator decides to abort after "Back up vm-node-mgmt-core"
    When Test is upgraded
    Then the upgrade has ended as aborted
    And every VM of Test runs
    And the pipeline is enabled
    And nothing is left to put back

  @RISK-2 @SNAP-1 @Test
  Scenario: When the workstation fails while the VMs are off, they are not forgotten
    Given the workstation stops right after "Azure: back up vm-node-mgmt-core"
    And an upgrade of Test was begun
    When everything is put back for Test
    Then the upgrade has ended as aborted
    And every VM of Test runs
    And the pipeline is enabled

  @RISK-2 @Test
  Scenario: An upgrade for which the change window has no room is somebody's decision
    Given the change window is three days away
    And nobody answers "Check that the time suffices" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Check that the time suffices"
    And the reason says "the change window is closed and opens at"
    And nothing has been changed on any system

  @RISK-2 @Test
  Scenario: An upgrade that fits into no change window is not begun
    Given the change window is one hour on one day of the week
    When Test is upgraded
    Then the upgrade stops at "Check that the time suffices"
    And the reason says "the longest change window within a year has 1:00 h"
    And nothing has been changed on any system

  @RISK-2 @Test
  Scenario: On a day without changes an upgrade is somebody's decision
    Given changes are denied until tomorrow, because of "the end of the year"
    And nobody answers "Check that the time suffices" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Check that the time suffices"
    And the reason says "the change window is closed (the end of the year) and opens at"
    And nothing has been changed on any system
